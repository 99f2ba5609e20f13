/** Copy to the clipboard, also on pages that came over plain HTTP, where the browser has no clipboard API. */

import { h } from "./h";
import { icon } from "./icons";

async function copy(text: string): Promise<void> {
  if (navigator.clipboard && isSecureContext) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // Not permitted here: the old way.
    }
  }
  const area = h("textarea.sr-only", { readonly: true, "aria-hidden": "true" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A button that copies `text` and says so. */
export function copyButton(text: string, what = "Copy"): HTMLElement {
  const words = h("span", null, what);
  const said = h("span.sr-only", { role: "status" });
  let back: ReturnType<typeof setTimeout> | undefined;
  const say = (now: string, aloud: string): void => {
    words.textContent = now;
    said.textContent = aloud;
  };
  const button = h(
    "button.button.small",
    {
      type: "button",
      onclick: async () => {
        await copy(text);
        button.focus();
        say("Copied", "Copied");
        clearTimeout(back);
        back = setTimeout(() => say(what, ""), 2_000);
      },
    },
    icon("copy"),
    words,
  );
  return h("span.copy", null, button, said);
}
