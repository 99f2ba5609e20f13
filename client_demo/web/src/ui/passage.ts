/** Pieces of text with what changed in them, marked by more than colour. */

import type { Passage } from "../api";
import { h } from "./h";

const AROUND = 90;
const LONG = 1_200;

/** The end of what stands before a place: little enough to leave the place in sight. */
export const tailOf = (before: string): string => {
  const near = before.split("\n").slice(-2).join("\n").replace(/^\s*\n/, "");
  if (near.length <= AROUND) return near;
  const short = near.slice(-AROUND);
  return `…${short.slice(short.search(/\s|$/) + 1) || short}`;
};

/** The beginning of what stands behind a place. */
export const headOf = (after: string): string => {
  const near = after.split("\n").slice(0, 2).join("\n").trimEnd();
  if (near.length <= AROUND) return near;
  const short = near.slice(0, AROUND);
  return `${short.slice(0, short.search(/\s\S*$/)).trimEnd() || short}…`;
};

const lines = (text: string): number => text.split("\n").length;

/** What stayed between changes, without its middle. */
function middleOf(kept: string, before: boolean, after: boolean): string {
  if (kept.length <= AROUND * 2 && lines(kept) <= 5) return kept;
  return [before && headOf(kept), after && tailOf(kept)].filter(Boolean).join("\n") || kept.slice(0, AROUND);
}

/** `passage` with its marks; what was left out can be asked for. */
export function passageOf(passage: Passage, options: { marks?: boolean } = {}): HTMLElement {
  const { pieces, before, after, text } = passage;
  if (!text && !pieces.some((piece) => piece.text)) return h("p.passage.soft", null, "Nothing");
  const body = h("p.passage", { dir: "auto" });
  const short = (): void => {
    body.append(
      h("span.around", null, tailOf(before)),
      ...pieces.map(({ op, text: given }, at) => {
        const words = op === "keep" ? middleOf(given, at > 0, at < pieces.length - 1) : given.length > LONG ? `${given.slice(0, LONG)}…` : given;
        if (options.marks === false || op === "keep") return h("span", null, op === "delete" ? "" : words);
        if (op === "insert") return h("ins.inserted", null, words);
        if (op === "delete") return h("del.deleted", null, words);
        return h("span.gap", { title: "Text is left out here" }, words);
      }),
      h("span.around", null, headOf(after)),
    );
  };
  short();
  const cut = pieces.some(({ op, text: words }) => op === "gap" || words.length > (op === "keep" ? AROUND : LONG));
  if (!cut) return body;
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
