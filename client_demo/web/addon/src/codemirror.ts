/** Conflicts in a CodeMirror 6 editor: underlined at their anchors, opened by click, by key, explained on hover. */

import { type Extension, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, hoverTooltip, keymap, ViewPlugin } from "@codemirror/view";
import * as Y from "yjs";

import type { ConflictEntry } from "./conflicts.js";

/** Where entries come from: a `KeepBoth` is one. */
export interface ConflictSource {
  readonly conflicts: ReadonlyMap<string, ConflictEntry>;
  on(event: "conflicts", listener: () => void): () => void;
}

export interface ConflictOptions {
  /** Somebody wants to see this entry: clicked, or Alt-Enter at it. */
  open?: (entry: ConflictEntry) => void;
  /** Which entries are underlined; by default those that are open and concern somebody. */
  shows?: (entry: ConflictEntry) => boolean;
}

interface Mark {
  from: number;
  to: number;
  id: string;
}

const MOST = 500;

const shownByDefault = (entry: ConflictEntry): boolean => entry.status === "open" && entry.card.hidden.length === 0;

/** Where `entry` is in `text` now; null if it is elsewhere. */
export function placeOf(entry: ConflictEntry, text: Y.Text): { from: number; to: number } | null {
  const { doc } = text;
  if (!entry.anchors || !doc) return null;
  const at = [entry.anchors.start, entry.anchors.end].map((anchor) => {
    const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(anchor), doc);
    return found?.type === text ? found.index : null;
  });
  const [from, to] = at as [number | null, number | null];
  return from === null || to === null || to < from ? null : { from, to };
}

const setMarks = StateEffect.define<{ marks: Mark[]; words: ReadonlyMap<string, string> }>();

interface Shown {
  set: DecorationSet;
  words: ReadonlyMap<string, string>;
}

function decorate(marks: Mark[], words: ReadonlyMap<string, string>, length: number): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  for (const { from, to, id } of marks.sort((one, other) => one.from - other.from || other.to - one.to)) {
    // A place where nothing is left is shown at its neighbour.
    const end = Math.min(Math.max(to, from + 1), length);
    const start = Math.min(from, Math.max(end - 1, 0));
    if (start >= end) continue;
    builder.add(
      start,
      end,
      Decoration.mark({
        class: "cm-conflict",
        attributes: { "data-conflict": id, role: "mark", "aria-label": words.get(id) ?? "" },
      }),
    );
  }
  return builder.finish();
}

const field = StateField.define<Shown>({
  create: () => ({ set: Decoration.none, words: new Map() }),
  update(shown, transaction) {
    let { set, words } = shown;
    if (transaction.docChanged) set = set.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) {
        words = effect.value.words;
        set = decorate(effect.value.marks, words, transaction.newDoc.length);
      }
    }
    return set === shown.set && words === shown.words ? shown : { set, words };
  },
  provide: (self) => EditorView.decorations.from(self, (shown) => shown.set),
});

/** The ids of the entries at `position`, the smallest place first. */
export function conflictsAt(view: EditorView, position: number): string[] {
  const found: { id: string; size: number }[] = [];
  view.state.field(field).set.between(position, position, (from, to, value) => {
    const attributes = (value.spec as { attributes?: Record<string, string> }).attributes;
    const id = attributes?.["data-conflict"];
    if (id) found.push({ id, size: to - from });
  });
  return found.sort((one, other) => one.size - other.size).map((one) => one.id);
}

const theme = EditorView.baseTheme({
  ".cm-conflict": {
    // Not wavy: that is a spelling mistake's.
    textDecoration: "underline var(--keepboth-conflict, #c2570c) 2px",
    textUnderlineOffset: "3px",
    textDecorationSkipInk: "none",
    cursor: "pointer",
  },
  ".cm-conflict-tooltip": { maxWidth: "24rem", padding: "0.4rem 0.6rem" },
});

/**
 * Underlines the conflicts of `text`. `source` says which there are; `open` is called for a click on one, and for
 * Alt-Enter with the cursor in one.
 */
export function conflictsExtension(source: ConflictSource, text: Y.Text, options: ConflictOptions = {}): Extension {
  const shows = options.shows ?? shownByDefault;

  const openAt = (view: EditorView, position: number): boolean => {
    const entry = source.conflicts.get(conflictsAt(view, position)[0] ?? "");
    if (!entry || !options.open) return false;
    options.open(entry);
    return true;
  };

  const follower = ViewPlugin.fromClass(
    class {
      readonly off: () => void;
      scheduled = false;
      gone = false;

      constructor(readonly view: EditorView) {
        this.off = source.on("conflicts", () => this.schedule());
        this.schedule();
      }

      /** Soon, and once for many: never while the view is being updated. */
      schedule(): void {
        if (this.scheduled) return;
        this.scheduled = true;
        queueMicrotask(() => {
          this.scheduled = false;
          if (!this.gone) this.show();
        });
      }

      show(): void {
        const marks: Mark[] = [];
        const words = new Map<string, string>();
        for (const entry of source.conflicts.values()) {
          if (marks.length >= MOST) break;
          if (!shows(entry)) continue;
          const place = placeOf(entry, text);
          if (!place) continue;
          marks.push({ ...place, id: entry.id });
          words.set(entry.id, entry.card.sentence.text);
        }
        this.view.dispatch({ effects: setMarks.of({ marks, words }) });
      }

      destroy(): void {
        this.gone = true;
        this.off();
      }
    },
  );

  return [
    field,
    follower,
    theme,
    EditorView.domEventHandlers({
      click(event, view) {
        const mark = event.target instanceof Element ? event.target.closest("[data-conflict]") : null;
        if (!mark || !view.state.selection.main.empty) return false;
        return openAt(view, view.posAtCoords({ x: event.clientX, y: event.clientY }) ?? view.posAtDOM(mark));
      },
    }),
    keymap.of([{ key: "Alt-Enter", run: (view) => openAt(view, view.state.selection.main.head) }]),
    hoverTooltip((view, position) => {
      const words = view.state.field(field).words.get(conflictsAt(view, position)[0] ?? "");
      if (!words) return null;
      return {
        pos: position,
        create: () => {
          const dom = document.createElement("div");
          dom.className = "cm-conflict-tooltip";
          dom.textContent = words;
          return { dom };
        },
      };
    }),
  ];
}
