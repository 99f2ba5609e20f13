/** What a place shows when it has nothing to show: loading, empty, offline, failed. */

import { ApiError } from "../api";
import { documentPath, link } from "../router";
import { type Child, h } from "./h";
import { icon } from "./icons";

/** Shown at once but visible only after a moment, so that quick answers do not flicker. */
export function loading(what: string): HTMLElement {
  return h("div.state.state-loading", { role: "status" }, h("span.spinner", { "aria-hidden": "true" }), `${what}…`);
}

export function empty(title: string, ...more: Child[]): HTMLElement {
  return h("div.state", null, h("p.state-title", null, title), more);
}

/** Nothing has been written under this name yet. */
export function unknownDocument(name: string): HTMLElement {
  return empty(
    "There is no such document yet.",
    h("p", null, "It begins with the first thing that somebody writes."),
    h("div.actions.centred", null, button(link(documentPath(name), "Write the first line")), button(link("/", "All documents"))),
  );
}

function button(made: HTMLAnchorElement): HTMLAnchorElement {
  made.className = "button";
  return made;
}

/** Whether nobody has made the document that was asked about. */
export const isUnknown = (error: unknown): boolean => error instanceof ApiError && error.code === "not-found";

/** An error in words, what can be done, and a way to try again. */
export function failed(error: unknown, again?: () => void): HTMLElement {
  const offline = error instanceof TypeError || !navigator.onLine;
  const title = offline ? "The server cannot be reached" : "This could not be loaded";
  const detail = offline
    ? "What you have typed is kept here and is sent when it is back."
    : error instanceof Error
      ? error.message
      : String(error);
  return h(
    "div.state.state-failed",
    { role: "alert" },
    icon("warn"),
    h("p.state-title", null, title),
    h("p", null, detail),
    error instanceof ApiError && h("p.soft", null, h("code", null, error.code)),
    again && h("button.button", { type: "button", onclick: again }, "Try again"),
  );
}
