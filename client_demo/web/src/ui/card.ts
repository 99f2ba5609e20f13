/** One collision, in the order in which people need it: what it says now, what each wrote, what is missing, what to do. */

import type { Card, Conflict, Participant } from "../api";
import type { CardActions } from "../conflicts/actions";
import "../styles/card.css";
import { choicesOf } from "./choices";
import { copyButton } from "./copy";
import { type Child, h } from "./h";
import { outcomeChip, statusChip } from "./outcome";
import { passageOf } from "./passage";
import { personName } from "./people";
import { placeSaid, said } from "./said";
import { failed, loading } from "./states";
import { timeAgo } from "./time";

let cards = 0;

/**
 * The card of `conflict`. Its heading can take the focus: `[data-card-heading]`. It shows the entry as it was given and
 * asks `actions.refresh()` for another card when something was done to it.
 */
export function renderCard(conflict: Conflict, actions: CardActions): HTMLElement {
  const { card } = conflict;
  const id = `card-${++cards}`;
  return h(
    "article.card",
    { "aria-labelledby": id, "data-conflict": conflict.id },
    h(
      "header.card-head",
      null,
      h("p.card-where", null, h("bdi", null, placeSaid(card.where))),
      h("span.card-chips", null, outcomeChip(card), statusChip(card)),
    ),
    h("h3.card-sentence", { id, tabindex: -1, "data-card-heading": true, dir: "auto" }, said(card.sentence)),
    card.notes.map((note) => h("p.card-note", null, note.text)),
    h(
      "p.card-when.soft.small",
      null,
      card.when && h("span", null, card.when.text),
      actions.show &&
        conflict.anchors !== null &&
        h("button.button.quiet.small", { type: "button", onclick: actions.show }, "Show in the text"),
    ),
    part(card.now_title.text, h("div.card-now", null, passageOf(card.now))),
    part(
      "What each person wrote",
      card.versions.map((version) =>
        h("div.version", null, h("h5.version-title", null, version.title.text), passageOf(version.passage)),
      ),
    ),
    part("Not in the document", missing(card)),
    choicesOf(conflict, actions),
    later("Before", () => passageOf(card.before, { marks: false })),
    later("Events", () => events(actions)),
  );
}

function part(title: string, ...children: Child[]): HTMLElement {
  return h("section.card-part", null, h("h4", null, title), children);
}

function missing(card: Card): Child {
  if (!card.missing.length) return h("p.soft", null, card.nothing_missing?.text ?? "Nothing is missing.");
  return card.missing.map(({ people, text }) =>
    h(
      "div.missing",
      null,
      h("p.missing-whose.small", null, names(people)),
      h("blockquote.missing-text", { dir: "auto", tabindex: 0, "aria-label": "Missing text" }, text),
      copyButton(text),
    ),
  );
}

const names = (people: readonly Participant[]): Child =>
  people.map((person, at) => [at ? ", " : "", personName(person.name)]);

/** Collapsed; what is in it is made when it is opened first. */
function later(title: string, make: () => Child | Promise<HTMLElement>): HTMLElement {
  const body = h("div.later-body");
  const details = h("details.later", null, h("summary", null, title), body);
  details.addEventListener("toggle", () => {
    if (!details.open || body.childNodes.length) return;
    const made = make();
    if (!(made instanceof Promise)) {
      body.append(...([made].flat() as Node[]));
      return;
    }
    body.append(loading("Reading"));
    made.then(
      (element) => body.replaceChildren(element),
      (error: unknown) => {
        body.replaceChildren(failed(error, () => ((details.open = false), body.replaceChildren(), (details.open = true))));
      },
    );
  });
  return details;
}

async function events(actions: CardActions): Promise<HTMLElement> {
  const met = await actions.events();
  return h(
    "ol.met",
    null,
    met.map((edit) =>
      h(
        "li",
        null,
        h("a", { href: actions.past(edit.revision) }, `Edit ${edit.revision.toLocaleString("en")}`),
        " by ",
        personName(edit.name ?? "A guest"),
        ", ",
        timeAgo(edit.authored_at),
      ),
    ),
  );
}
