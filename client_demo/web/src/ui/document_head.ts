/** The head of everything about one document: its name, and the ways to look at it. */

import { documentDetail } from "../api";
import { documentPath, link } from "../router";
import { bdi, type Child, h } from "./h";

export type DocumentView = "edit" | "timeline" | "insight" | "events";

const VIEWS: readonly (readonly [DocumentView, string])[] = [
  ["edit", "Text"],
  ["timeline", "Timeline"],
  ["insight", "Insight"],
  ["events", "Events"],
];

/** Title once it is known, then the name beneath it. `beside` stands at the end of the name's line: the saved light, people, buttons. */
export function documentHead(name: string, at: DocumentView, ...beside: Child[]): HTMLElement {
  const tabs = VIEWS.map(([view, label]) => {
    const tab = link(documentPath(name, { view: view === "edit" ? null : view }), label);
    tab.className = "tab";
    if (view === at) tab.setAttribute("aria-current", "page");
    return tab;
  });
  const heading = h("h1", null, bdi(name));
  const called = h("p.soft.small", { hidden: true }, bdi(name));
  documentDetail(name).then(
    ({ title }) => {
      if (!title || title === name) return;
      heading.replaceChildren(bdi(title));
      called.hidden = false;
    },
    () => {}, // Nobody has made it yet, or the server is away: it has its name.
  );
  return h(
    "div.document-head",
    null,
    h("div.document-name", null, h("div", null, heading, called), h("div.beside", null, beside)),
    h("nav.tabs", { "aria-label": "Views of this document" }, tabs),
  );
}
