/** Which collisions are listed: what state they are in, who took part, which words are in them. */

import { h } from "../ui/h";
import type { Board, Filter } from "./board";

const SHOWN: readonly (readonly [Filter["show"], string])[] = [
  ["open", "To look at"],
  ["decided", "Resolved or settled"],
  ["all", "Everything"],
];
const TYPING_MS = 250;

export function filterBar(board: Board): { element: HTMLElement; draw: () => void } {
  const show = h(
    "select.input",
    { "aria-label": "Which collisions", onchange: () => board.choose({ show: show.value as Filter["show"] }) },
    SHOWN.map(([value, words]) => h("option", { value }, words)),
  );
  const who = h("select.input", { "aria-label": "Who took part", onchange: () => board.choose({ actor: who.value || null }) });
  const words = h("input.input", { type: "search", "aria-label": "Words in them", placeholder: "Words in them" });
  let typing: ReturnType<typeof setTimeout> | undefined;
  words.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => board.choose({ words: words.value.trim() }), TYPING_MS);
  });
  let drawn = "";
  const draw = (): void => {
    const { show: shown, actor, words: given } = board.filter;
    show.value = shown;
    if (document.activeElement !== words) words.value = given;
    const people = [...board.people].sort(([, one], [, other]) => one.localeCompare(other));
    const now = JSON.stringify(people);
    if (now !== drawn) {
      drawn = now;
      who.replaceChildren(h("option", { value: "" }, "Anybody"), ...people.map(([value, name]) => h("option", { value }, name)));
    }
    who.value = actor ?? "";
  };
  draw();
  return { element: h("form.filters", { role: "search", "aria-label": "Collisions", onsubmit: (event: Event) => event.preventDefault() }, show, who, words), draw };
}
