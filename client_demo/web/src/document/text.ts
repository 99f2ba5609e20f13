/** The editor of one text with its collisions underlined. Loaded only where a text is. */

import type { KeepBoth } from "keepboth";
import { conflictsExtension, placeOf } from "keepboth/codemirror";
import { EditorView } from "@codemirror/view";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";

import type { Conflict } from "../api";
import { editor } from "../editor/editor";
import "../styles/editor.css";
import { SMALL } from "../ui/small";

export interface TextEditor {
  element: HTMLElement;
  /** Scroll to where `conflict` is, with `select` to type there; false if it is not in this text. */
  reveal(conflict: Conflict, select: boolean): boolean;
}

/** Scroll the editor, and not the page, where a card may be read: heights of lines far away are guesses, so look again. */
function centre(view: EditorView, position: number, looks = 5): void {
  view.requestMeasure({
    key: centre,
    read: () => {
      const { top, bottom } = view.scrollDOM.getBoundingClientRect();
      const at = view.coordsAtPos(position);
      const line = view.lineBlockAt(position);
      const middle = at ? (at.top + at.bottom) / 2 : view.documentTop + (line.top + line.bottom) / 2;
      return middle - (top + bottom) / 2;
    },
    write: (off) => {
      const before = view.scrollDOM.scrollTop;
      view.scrollDOM.scrollTop += off;
      if (looks > 1 && Math.abs(view.scrollDOM.scrollTop - before) >= 1) requestAnimationFrame(() => centre(view, position, looks - 1));
    },
  });
}

export function textEditor(options: {
  text: Y.Text;
  awareness: Awareness;
  both: KeepBoth;
  label: string;
  leaving: AbortSignal;
  open: (id: string) => void;
}): TextEditor {
  const { text, awareness, both, label, leaving, open } = options;
  const view = editor({
    text,
    awareness,
    label,
    placeholder: "Write here",
    extensions: conflictsExtension(both, text, { openId: open }),
  });
  if (isCode(text.toString().slice(0, 20_000))) view.dom.classList.add("code");
  leaving.addEventListener("abort", () => view.destroy());
  return {
    element: view.dom,
    reveal(conflict, select) {
      const place = placeOf({ ...conflict }, text);
      if (!place) return false;
      if (select) view.dispatch({ selection: { anchor: place.from, head: place.to } });
      centre(view, place.from);
      if (select) {
        view.focus();
        // On small screens it stays in sight above the card.
        if (!SMALL.matches) view.dom.scrollIntoView({ block: "nearest" });
      }
      return true;
    },
  };
}

/** Whether a text reads as code: then its letters stand in columns. */
function isCode(text: string): boolean {
  const lines = text.split("\n").filter((line) => line.trim());
  const signs = lines.filter((line) => /^(\s{2,}|\t|\/\/|#include|import |[})\]])|[{};]\s*$/.test(line));
  return lines.length >= 8 && signs.length > lines.length / 3;
}
