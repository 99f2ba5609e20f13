/** A CodeMirror editor on one text of a shared document. Loaded only where an editor is. */

import { defaultKeymap } from "@codemirror/commands";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, placeholder } from "@codemirror/view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import { carets } from "./carets";
import { ownDirection } from "./direction";

export interface EditorOptions {
  text: Y.Text;
  awareness: Awareness;
  /** For screen readers: whose editor of what this is. */
  label: string;
  placeholder?: string;
  extensions?: Extension;
}

/** The number that lets CodeMirror add its style sheet (docs/http.md). */
export function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="keepboth-nonce"]')?.content ?? "";
}

export function editor(options: EditorOptions): EditorView {
  const { text, awareness } = options;
  const undoManager = new Y.UndoManager(text, { captureTimeout: 400 });
  return new EditorView({
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        EditorView.cspNonce.of(nonce()),
        EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "true" }),
        EditorView.lineWrapping,
        ownDirection,
        drawSelection(),
        highlightActiveLine(),
        search({ top: true }),
        // Tab is not taken: who uses the keyboard alone must get out again.
        keymap.of([...yUndoManagerKeymap, ...searchKeymap, ...defaultKeymap]),
        // Without awareness: the carets of the others are drawn by ours.
        yCollab(text, null, { undoManager }),
        carets(text, awareness),
        options.placeholder ? placeholder(options.placeholder) : [],
        options.extensions ?? [],
      ],
    }),
  });
}
