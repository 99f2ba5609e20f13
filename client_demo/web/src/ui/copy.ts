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
export function copyButton(text: string, what = "Copy"): HTMLButtonElement {
  const words = h("span", { role: "status" }, what);
  let back: ReturnType<typeof setTimeout> | undefined;
  const button = h(
    "button.button.small",
    {
      type: "button",
      onclick: async () => {
        await copy(text);
        button.focus();
        words.textContent = "Copied";
        clearTimeout(back);
        back = setTimeout(() => (words.textContent = what), 2_000);
      },
    },
    icon("copy"),
    words,
  );
  return button;
}
