/** Anything that is not one text: maps, arrays and XML as an indented list, read only. */

import { bdi, h } from "../ui/h";
import type { Root } from "./api";

const MOST = 500;

export function tree(roots: Record<string, Root>): HTMLElement {
  return h(
    "dl.tree",
    { tabindex: 0, "aria-label": "The document at this moment" },
    Object.entries(roots).map(([name, root]) => [h("dt", null, bdi(name), h("span.soft.small", null, ` ${root.type}`)), h("dd", null, value(root.value))]),
  );
}

function value(of: unknown): HTMLElement {
  if (typeof of === "string") return h("span.tree-text", { dir: "auto" }, of);
  if (of === null || typeof of !== "object") return h("code", null, JSON.stringify(of));
  const entries = Object.entries(of);
  const shown = entries.slice(0, MOST).map(([key, one]) => h("li", null, h("span.soft", null, bdi(key), ": "), value(one)));
  const more = entries.length - shown.length;
  return h("ul.tree-list", null, shown.length ? shown : h("li.soft", null, "empty"), more > 0 && h("li.soft", null, `and ${more.toLocaleString("en")} more`));
}
