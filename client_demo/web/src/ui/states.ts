/** What a place shows when it has nothing to show: loading, empty, offline, failed. */

import { ApiError } from "../api";
import { type Child, h } from "./h";
import { icon } from "./icons";

/** Shown at once but visible only after a moment, so that quick answers do not flicker. */
export function loading(what: string): HTMLElement {
  return h("div.state.state-loading", { role: "status" }, h("span.spinner", { "aria-hidden": "true" }), `${what}…`);
}

export function empty(title: string, ...more: Child[]): HTMLElement {
  return h("div.state", null, h("p.state-title", null, title), more);
}

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

/** A strip over a page that goes on working without the server. */
export function offlineStrip(): HTMLElement {
  return h("div.strip", { role: "status" }, icon("warn"), "Offline. What you type is kept here and sent when the server is back.");
}
