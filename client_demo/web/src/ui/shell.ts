/** The frame of every page: the way home, where one is, the theme. */

import { link } from "../router";
import { h } from "./h";
import { sign } from "./icons";
import { themeSwitch } from "./theme";

export interface Shell {
  element: HTMLElement;
  main: HTMLElement;
  /** Mark the link that leads to where one is. */
  at(path: string): void;
}

export function shell(): Shell {
  const links = [link("/", "Documents"), link("/demo", "See a collision")];
  const main = h("main", { id: "main", tabindex: "-1" });
  const skip = h(
    "a.skip",
    { href: "#main", onclick: (event: Event) => (event.preventDefault(), main.focus()) },
    "Skip to the content",
  );
  const home = link("/", sign(), h("span.brand-name", null, "KeepBoth"));
  home.className = "brand";
  home.setAttribute("aria-label", "KeepBoth, all documents");
  const head = h("header.head", null, home, h("nav.head-nav", { "aria-label": "Main" }, links), themeSwitch());
  return {
    element: h("div.shell", null, skip, head, main),
    main,
    at(path) {
      for (const one of links) {
        if (one.pathname === path) one.setAttribute("aria-current", "page");
        else one.removeAttribute("aria-current");
      }
    },
  };
}
