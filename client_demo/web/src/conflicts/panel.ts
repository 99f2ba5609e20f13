/** Collisions beside the text: the list with its filters and footer, or one card. */

import type { Conflict } from "../api";
import { h } from "../ui/h";
import { icon } from "../ui/icons";
import { SMALL } from "../ui/small";
import { empty, failed, loading } from "../ui/states";
import "../styles/panel.css";
import { type Board, EVERYBODY, type Filter } from "./board";
import { filterBar } from "./filter_bar";
import { rowOf, Rows } from "./rows";
import type { Notice } from "./wire";

const FEW = 10;

export interface Panel {
  element: HTMLElement;
  /** Show one entry, or the list (null). The focus goes along if it was in the panel or `focus` says so. */
  show(id: string | null, focus: boolean): void;
}

export interface PanelOptions {
  board: Board;
  /** The reader wants to see this entry, or the list. */
  open: (id: string | null) => void;
  /** The card of an entry as it was read last. */
  card: (conflict: Conflict) => HTMLElement;
}

export function panelOf({ board, open, card }: PanelOptions): Panel {
  const count = h("span.chip", { hidden: true });
  const title = h("h2", { id: "collisions", tabindex: -1 }, "Collisions");
  const head = h("div.panel-head", null, title, count);
  const rows = new Rows(open);
  const groups = h("div.groups");
  const returns = new Map<string, { element: HTMLElement; shown: string }>();
  const state = h("div.panel-state");
  const foot = h("div.panel-foot.soft.small");
  const more = h("button.button", { type: "button", hidden: true }, "Show more");
  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      await board.extend();
    } finally {
      more.disabled = false;
    }
  });
  const bar = filterBar(board);
  const list = h("div.panel-list", null, bar.element, groups, rows.element, state, more, foot);
  const single = h("div.panel-card", { hidden: true });
  const element = h("aside.panel", { "aria-labelledby": "collisions" }, head, list, single);
  let at: string | null = null;
  let drawn: { key: string } | null = null;

  const drawCard = (): void => {
    if (at === null) return;
    const conflict = board.known(at);
    if (!conflict) return;
    const key = signature(conflict);
    if (drawn?.key === key) return;
    const hadFocus = single.contains(document.activeElement) || drawn === null;
    drawn = { key };
    single.replaceChildren(back(), card(conflict));
    if (hadFocus && element.contains(document.activeElement)) focusHeading();
    else if (hadFocus && document.activeElement === document.body) focusHeading();
  };
  const focusHeading = (): void => {
    single.querySelector<HTMLElement>("[data-card-heading]")?.focus({ preventScroll: true });
    toTop();
  };
  /** Whoever has gone on to the text meanwhile is not fetched back. */
  const isHere = (): boolean => document.activeElement === document.body || element.contains(document.activeElement);
  /** The head of the panel is where it can be seen: it scrolls by itself where there is room, with the page elsewhere. */
  const toTop = (): void => {
    element.scrollTop = 0;
    const { top } = element.getBoundingClientRect();
    if (SMALL.matches || top < 0 || top > innerHeight / 2) element.scrollIntoView();
  };
  const back = (): HTMLElement =>
    h("button.button.quiet.small.back", { type: "button", onclick: () => open(null) }, icon("back"), "All collisions");

  const drawGroups = (): void => {
    const shown = board.filter.show === "open" && !board.filter.actor && !board.filter.words ? board.notices : [];
    const ids = new Set(shown.map((notice) => notice.correlation_id));
    for (const [id, { element: gone }] of returns) if (!ids.has(id)) (gone.remove(), returns.delete(id));
    for (const notice of shown) {
      const held = returns.get(notice.correlation_id);
      const entries = notice.cards.map((id) => board.known(id));
      const signs = JSON.stringify([notice.sentence.text, notice.cards, entries.map((one) => one && signature(one))]);
      if (held?.shown === signs) continue;
      // Where there is nothing else to see, a return that concerns few places is open at once.
      const alone = shown.length === 1 && notice.cards.length <= FEW && notice.cards.length === board.list?.length;
      const wasOpen = held ? (held.element.querySelector("details")?.open ?? false) : alone;
      const made = group(notice, entries, open, wasOpen);
      if (held) held.element.replaceWith(made);
      else groups.append(made);
      returns.set(notice.correlation_id, { element: made, shown: signs });
    }
  };

  const draw = (): void => {
    bar.draw();
    const { counts, list: entries, error } = board;
    bar.element.hidden = !counts?.total && board.filter === EVERYBODY;
    count.hidden = !counts?.shown;
    count.textContent = counts ? counts.shown.toLocaleString("en") : "";
    count.setAttribute("aria-label", `${counts?.shown ?? 0} to look at`);
    drawGroups();
    const grouped = new Set([...returns.keys()].flatMap((id) => board.notices.find((one) => one.correlation_id === id)?.cards ?? []));
    rows.draw((entries ?? []).filter((entry) => !grouped.has(entry.id)));
    state.replaceChildren(...stateOf(board));
    more.hidden = !board.more;
    const said = entries && !error ? (counts?.footer ?? []) : [];
    const hidden = counts ? Object.values(counts.hidden).reduce((sum, one) => sum + one, 0) : 0;
    const offer =
      said.length && hidden > 0 && board.filter.show === "open"
        ? h("button.button.quiet.small", { type: "button", onclick: () => board.choose({ show: "all" }) }, "Show")
        : null;
    const text = `${said.map((one) => one.text).join(" ")} ${offer ? 1 : 0}`;
    if (foot.dataset["said"] !== text) {
      foot.dataset["said"] = text;
      foot.replaceChildren(...said.map((one) => h("p", null, one.text)), ...(offer ? [offer] : []));
    }
    drawCard();
  };
  board.on(draw);
  draw();

  return {
    element,
    show(id, focus) {
      const from = at;
      if (id === at) {
        if (focus) focusHeading();
        return;
      }
      const inside = focus || element.contains(document.activeElement);
      at = id;
      drawn = null;
      list.hidden = id !== null;
      single.hidden = id === null;
      element.classList.toggle("reading", id !== null);
      if (id === null) {
        if (inside) (rows.buttonOf(from) ?? groups.querySelector<HTMLElement>(`[data-row="${CSS.escape(from ?? "")}"]`) ?? title).focus();
        return;
      }
      single.replaceChildren(back(), loading("Reading"));
      drawCard();
      if (inside) focusHeading();
      else if (SMALL.matches) toTop();
      board.read(id).then(
        (conflict) => {
          if (at !== id) return;
          if (conflict.id !== id) open(conflict.id);
          else if (inside && !single.contains(document.activeElement) && isHere()) focusHeading();
        },
        (error: unknown) => {
          if (at === id && !board.known(id)) single.replaceChildren(back(), failed(error, () => ((at = null), this.show(id, true))));
        },
      );
      if (!board.known(id) && inside) single.querySelector<HTMLElement>("button")?.focus();
    },
  };
}

/** What of an entry a reader sees: "12 min ago" alone is no reason to draw it anew. */
export function signature(conflict: Conflict): string {
  const { when: _, attention: __, ...card } = conflict.card;
  return JSON.stringify([conflict.status, card, conflict.seen_by, conflict.resolution?.id]);
}

function group(
  notice: Notice,
  entries: readonly (Conflict | undefined)[],
  open: (id: string) => void,
  isOpen: boolean,
): HTMLElement {
  const known = entries.filter((entry) => entry !== undefined);
  const unknown = notice.cards.filter((_, at) => entries[at] === undefined);
  return h(
    "div.group",
    { class: notice.level === "interrupt" ? "loud" : null },
    h(
      "details",
      { open: isOpen },
      h("summary", null, h("span", null, notice.sentence.text)),
      h(
        "ul.rows",
        null,
        known.map((entry) => rowOf(entry, open)),
        unknown.map((id, at) =>
          h("li", null, h("button.row", { type: "button", "data-row": id, onclick: () => open(id) }, `Place ${known.length + at + 1}`)),
        ),
      ),
    ),
  );
}

function stateOf(board: Board): HTMLElement[] {
  const { list, error, filter, counts } = board;
  if (error && !list) return [failed(error, () => void board.refresh())];
  if (error) return [h("p.strip", { role: "status" }, icon("warn"), "This list may be old: the server cannot be reached.")];
  if (!list) return [loading("Looking for collisions")];
  if (list.length || !counts) return [];
  if (filter.actor || filter.words) return [empty("Nothing fits."), clear(board)];
  return [];
}

function clear(board: Board): HTMLElement {
  const all: Partial<Filter> = { actor: null, words: "" };
  return h("p.actions.centred", null, h("button.button", { type: "button", onclick: () => board.choose(all) }, "Clear the filters"));
}
