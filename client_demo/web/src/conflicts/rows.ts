/** Rows of a list of collisions: outcome, sentence, where, people, when, status. */

import type { Conflict } from "../api";
import { h } from "../ui/h";
import { outcomeChip, statusChip } from "../ui/outcome";
import { avatar, colourOf } from "../ui/people";
import { placeSaid, said } from "../ui/said";

const FACES = 4;

export function rowOf(conflict: Conflict, open: (id: string) => void): HTMLElement {
  const { card } = conflict;
  return h(
    "li",
    null,
    h(
      "button.row",
      { type: "button", "data-row": conflict.id, class: card.status === "open" ? null : "done", onclick: () => open(conflict.id) },
      h(
        "span.row-chips",
        null,
        outcomeChip(card),
        !card.certain && h("span.chip", null, "Possible"),
        card.status !== "open" && statusChip(card),
        h(
          "span.row-people",
          null,
          card.people.slice(0, FACES).map(({ name }) => avatar({ name, color: colourOf(name) })),
          card.people.length > FACES && h("span.soft.small", null, `+${card.people.length - FACES}`),
        ),
      ),
      h("span.row-sentence", { dir: "auto" }, said(card.sentence)),
      h("span.row-where.soft.small", null, h("bdi", null, placeSaid(card.where)), card.when && ` · ${card.when.text}`),
    ),
  );
}

/** A list that keeps the elements of what has not changed, and with them the focus. */
export class Rows {
  readonly element = h("ul.rows");
  readonly #made = new Map<string, { element: HTMLElement; shown: string }>();

  constructor(private readonly open: (id: string) => void) {}

  draw(entries: readonly Conflict[]): void {
    const ids = new Set(entries.map((entry) => entry.id));
    for (const [id, { element }] of this.#made) if (!ids.has(id)) (element.remove(), this.#made.delete(id));
    let next = this.element.firstElementChild;
    for (const entry of entries) {
      const shown = JSON.stringify([entry.status, entry.card.sentence.text, entry.card.outcome, entry.card.where.text, entry.card.when?.text, entry.card.people]);
      let held = this.#made.get(entry.id);
      if (held?.shown !== shown) {
        const element = rowOf(entry, this.open);
        if (held) {
          const focused = held.element.contains(document.activeElement);
          if (next === held.element) next = element;
          held.element.replaceWith(element);
          if (focused) element.querySelector("button")?.focus();
        }
        held = { element, shown };
        this.#made.set(entry.id, held);
      }
      if (next === held.element) next = next.nextElementSibling;
      else this.element.insertBefore(held.element, next);
    }
  }

  buttonOf(id: string | null): HTMLElement | null {
    return (id && this.#made.get(id)?.element.querySelector("button")) || null;
  }
}
