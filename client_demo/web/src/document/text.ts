/** The editor of one text with its collisions underlined. Loaded only where a text is. */

import type { KeepBoth } from "keepboth";
import { conflictsExtension, placeOf } from "keepboth/codemirror";
import { EditorView } from "@codemirror/view";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";

import type { Conflict } from "../api";
import { editor } from "../editor/editor";
import "../styles/editor.css";

export interface TextEditor {
  element: HTMLElement;
  /** Scroll to where `conflict` is, with `select` to type there; false if it is not in this text. */
  reveal(conflict: Conflict, select: boolean): boolean;
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
      const effects = EditorView.scrollIntoView(place.from, { y: "center" });
      view.dispatch(select ? { selection: { anchor: place.from, head: place.to }, effects } : { effects });
      if (select) view.focus();
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
