/** Light, dark, or as the system says; kept in this browser. */

import { fill, h } from "./h";
import { icon, type IconName } from "./icons";

type Theme = "auto" | "light" | "dark";

const KEY = "keepboth.theme";
const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const ICONS: Record<Theme, IconName> = { auto: "auto", light: "sun", dark: "moon" };
const WORDS: Record<Theme, string> = { auto: "as the system", light: "light", dark: "dark" };

function stored(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : "auto";
  } catch {
    return "auto";
  }
}

export function applyTheme(theme: Theme = stored()): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** The switch in the head of the page. */
export function themeSwitch(): HTMLElement {
  let theme = stored();
  const button = h("button.button.quiet.square", {
    type: "button",
    onclick: () => {
      theme = NEXT[theme];
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // It lasts as long as the page.
      }
      applyTheme(theme);
      show();
    },
  });
  const show = (): void => {
    const words = `Colours: ${WORDS[theme]}`;
    button.setAttribute("aria-label", words);
    button.title = words;
    fill(button, icon(ICONS[theme]));
  };
  show();
  return button;
}
