/** Pieces of text with what changed in them, marked by more than colour. */

import type { Passage } from "../api";
import { h } from "./h";

/** `passage` with its marks; what was left out can be asked for. */
export function passageOf(passage: Passage, options: { marks?: boolean } = {}): HTMLElement {
  const { pieces, before, after, text } = passage;
  if (!text && !pieces.some((piece) => piece.text)) return h("p.passage.soft", null, "Nothing");
  const body = h("p.passage", { dir: "auto" });
  const short = (): void => {
    body.append(
      h("span.around", null, before),
      ...pieces.map(({ op, text: words }) => {
        if (options.marks === false || op === "keep") return h("span", null, op === "delete" ? "" : words);
        if (op === "insert") return h("ins.inserted", null, words);
        if (op === "delete") return h("del.deleted", null, words);
        return h("span.gap", { title: "Text is left out here" }, words);
      }),
      h("span.around", null, after),
    );
  };
  short();
  if (!passage.more && !pieces.some((piece) => piece.op === "gap")) return body;
  const all = h("button.button.quiet.small", {
    type: "button",
    "aria-expanded": "false",
    onclick: () => {
      const open = all.getAttribute("aria-expanded") === "true";
      body.replaceChildren();
      if (open) short();
      else body.append(text);
      all.setAttribute("aria-expanded", String(!open));
      all.textContent = open ? "Show all" : "Show less";
    },
  }, "Show all");
  return h("div.passage-long", null, body, all);
}
