/** The editor of one text with its collisions underlined. Loaded only where a text is. */

import type { KeepBoth } from "keepboth";
import { conflictsExtension, placeOf } from "keepboth/codemirror";
import { EditorView } from "@codemirror/view";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";

import type { Conflict } from "../api";
import { editor } from "../editor/editor";

export interface TextEditor {
  element: HTMLElement;
  /** Select where `conflict` is and scroll there; false if it is not in this text. */
  reveal(conflict: Conflict): boolean;
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
    extensions: conflictsExtension(both, text, { open: (entry) => open(entry.id) }),
  });
  leaving.addEventListener("abort", () => view.destroy());
  return {
    element: view.dom,
    reveal(conflict) {
      const place = placeOf({ ...conflict }, text);
      if (!place) return false;
      view.dispatch({
        selection: { anchor: place.from, head: place.to },
        effects: EditorView.scrollIntoView(place.from, { y: "center" }),
      });
      view.focus();
      return true;
    },
  };
}
