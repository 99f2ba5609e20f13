/** Typing for the reader: the same keys, through the same editor, as fast as a person. */

import type { EditorView } from "@codemirror/view";

/** What one person does to the sentence: the words to find (or its whole line), and what is typed over them. */
export interface Doing {
  find: string;
  type: string;
  /** Where in what was found: all of it, or behind it. */
  where: "over" | "behind";
}

export interface Suggestion {
  name: string;
  ann: Doing;
  bob: Doing;
}

export const SENTENCE = "We ship the new editor at the end of the year.";
export const PHRASE = "at the end of the year";
export const TEXT = SENTENCE;

export const SUGGESTIONS: readonly Suggestion[] = [
  {
    name: "Both rewrite it",
    ann: { find: PHRASE, type: "on Friday", where: "over" },
    bob: { find: PHRASE, type: "in early May", where: "over" },
  },
  {
    name: "Bob deletes, Ann types in it",
    ann: { find: "new editor", type: " for everybody", where: "behind" },
    bob: { find: SENTENCE, type: "", where: "over" },
  },
  {
    name: "Both go on writing",
    ann: { find: SENTENCE, type: " Ann tests it.", where: "behind" },
    bob: { find: SENTENCE, type: " Bob tells the press.", where: "behind" },
  },
];

const KEY_MS = 38;

/** The place of `find`; if it is gone, the first line that is neither empty nor a heading. */
export function placeOf(view: EditorView, find: string): { from: number; to: number } {
  const text = view.state.doc.toString();
  const at = text.indexOf(find);
  if (at >= 0) return { from: at, to: at + find.length };
  for (let number = 1; number <= view.state.doc.lines; number++) {
    const line = view.state.doc.line(number);
    if (line.length && !line.text.startsWith("#")) return { from: line.from, to: line.to };
  }
  return { from: text.length, to: text.length };
}

export function select(view: EditorView, find: string): void {
  const { from, to } = placeOf(view, find);
  view.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: false });
}

/** Do it, key by key; at once for who wants no motion. Stops when `leaving` is aborted. */
export async function perform(view: EditorView, doing: Doing, leaving: AbortSignal): Promise<void> {
  const { from, to } = placeOf(view, doing.find);
  view.dispatch({ selection: doing.where === "over" ? { anchor: from, head: to } : { anchor: to } });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const keys = doing.type ? [...doing.type] : [""];
  for (const key of keys) {
    if (leaving.aborted) return;
    view.dispatch(view.state.replaceSelection(key), { userEvent: key ? "input.type" : "delete" });
    if (!still) await new Promise((resolve) => setTimeout(resolve, KEY_MS));
  }
}
