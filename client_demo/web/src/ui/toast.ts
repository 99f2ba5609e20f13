/** Short words at the edge: read out, gone by themselves, never the only place where something is said. */

import { h } from "./h";
import { icon } from "./icons";

const STAYS_MS = 6_000;

let shelf: HTMLElement | undefined;

export interface Toast {
  close(): void;
}

/** Show `text`; with `action`, a button that does it. Errors stay until they are closed. */
export function toast(text: string, options: { error?: boolean; action?: { label: string; run: () => void } } = {}): Toast {
  shelf ??= document.body.appendChild(h("div.toasts", { role: "status", "aria-live": "polite" }));
  const { action } = options;
  const close = (): void => element.remove();
  const element = h(
    "div.toast",
    { class: options.error ? "toast-error" : null },
    h("span", null, text),
    action &&
      h("button.button.quiet", { type: "button", onclick: () => (close(), action.run()) }, action.label),
    h("button.button.quiet.square", { type: "button", "aria-label": "Close", onclick: close }, icon("close")),
  );
  shelf.append(element);
  if (!options.error) {
    let timer = setTimeout(close, STAYS_MS);
    element.addEventListener("pointerenter", () => clearTimeout(timer));
    element.addEventListener("pointerleave", () => (timer = setTimeout(close, STAYS_MS)));
  }
  return { close };
}
