/** What is different between two moments, place by place, word by word. */

import { bdi, h } from "../ui/h";
import { toast } from "../ui/toast";
import type { Change, Comparison, Piece } from "./api";

const MOST = 100;

/** A list of the places; `show` shows one in the text, and says whether it is there. */
export function differences(title: string, found: Comparison, show: (change: Change) => boolean): HTMLElement {
  const listed = found.changes.slice(0, MOST);
  const more = found.count - listed.length;
  return h(
    "section.differences",
    { "aria-label": title },
    h("p.small.soft", null, found.count ? `${found.count.toLocaleString("en")} ${found.count === 1 ? "place differs" : "places differ"}` : "Nothing differs."),
    changeList(listed, show),
    more > 0 && h("p.small.soft", null, `and ${more.toLocaleString("en")} more`),
  );
}

export function changeList(changes: readonly Change[], show?: (change: Change) => boolean): HTMLElement {
  return h("ol.changes", null, changes.map((one) => h("li", null, pathOf(one), one.pieces.length ? passage(one.pieces) : keyChange(one), show && one.at && showButton(one, show))));
}

function showButton(change: Change, show: (change: Change) => boolean): HTMLElement {
  return h("button.button.quiet.small.show", { type: "button", onclick: () => void (show(change) || toast("It is in another part of this document.")) }, "Show in the text");
}

function pathOf({ path, key }: Change): HTMLElement | null {
  const steps = path.slice(1).map(String);
  if (key) steps.push(key);
  return steps.length ? h("p.small.soft", null, bdi(steps.join(" › "))) : null;
}

function keyChange({ before, after }: Change): HTMLElement {
  const told = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
  return h("p.passage", { dir: "auto" }, before !== null && h("del.deleted", null, told(before)), " ", after !== null && h("ins.inserted", null, told(after)));
}

/** `del` and `ins` say in words what the colours say. */
export function passage(pieces: readonly Piece[]): HTMLElement {
  return h(
    "p.passage",
    { dir: "auto" },
    pieces.map(({ op, text }) => {
      if (op === "insert") return h("ins.inserted", null, text);
      if (op === "delete") return h("del.deleted", null, text);
      return op === "gap" ? h("span.soft", null, " … ") : text;
    }),
  );
}
