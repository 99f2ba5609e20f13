/** One collision on the timeline: what happened, just before, just after, and what each person saw. */

import { type Conflict, get } from "../api";
import { documentPath, link } from "../router";
import { h } from "../ui/h";
import { personName } from "../ui/people";
import { placeSaid, said } from "../ui/said";

export interface Met {
  conflict: Conflict;
  /** The newest edit of each person in it: whose screen is shown. */
  screens: { actor: string; name: string; revision: number }[];
  /** The revision at which its versions met. */
  met: number;
  before: number;
  after: number;
}

interface Answer {
  conflict: Conflict;
  events: { revision: number; id: string; actor: string; name: string | null }[];
}

export async function collision(document: string, id: string, signal: AbortSignal): Promise<Met> {
  const { conflict, events } = await get<Answer>("/api/conflict", { id, document }, signal);
  const begun = conflict.sides.filter((side) => side.revisions.length).map((side) => Math.min(...side.revisions));
  const met = begun.length ? Math.max(...begun) : conflict.last_revision;
  const last = new Map<string, { actor: string; name: string; revision: number }>();
  for (const { actor, name, revision } of events) {
    const known = last.get(actor);
    if (!known || known.revision < revision) last.set(actor, { actor, name: name ?? known?.name ?? actor, revision });
  }
  for (const { actor, name } of conflict.card.people) {
    const known = last.get(actor);
    if (known) known.name = name;
  }
  return { conflict, screens: [...last.values()], met, before: met - 1, after: conflict.last_revision };
}

export interface CollisionActions {
  before(): void;
  after(): void;
  screen(actor: string, revision: number): void;
  close(): void;
}

/** `nth` of `of`: its place among all collisions; 0: not known. */
export function collisionPanel(document: string, met: Met, [nth, of]: readonly [number, number], actions: CollisionActions): HTMLElement {
  const { card } = met.conflict;
  const place = nth > 0 && of > 1 && ` · ${nth.toLocaleString("en")} of ${of.toLocaleString("en")}`;
  const button = (label: string, run: () => void): HTMLElement => h("button.button.small", { type: "button", onclick: run }, label);
  return h(
    "section.panel.collision",
    { "aria-label": "Collision" },
    h("div.panel-head", null, h("h2", null, card.outcome.text), h("button.button.quiet.small", { type: "button", onclick: actions.close }, "Close")),
    h("p", { dir: "auto" }, said(card.sentence)),
    h("p.small.soft", null, h("bdi", null, placeSaid(card.where)), place),
    h(
      "div.actions",
      { role: "group", "aria-label": "Look at it" },
      button("Just before", actions.before),
      button("Just after", actions.after),
      met.screens.map(({ actor, name, revision }) =>
        h("button.button.small", { type: "button", onclick: () => actions.screen(actor, revision) }, h("span", null, "As ", personName(name), " saw it")),
      ),
    ),
    h("p.small", null, link(documentPath(document, { conflict: met.conflict.id }), "Open the card")),
  );
}
