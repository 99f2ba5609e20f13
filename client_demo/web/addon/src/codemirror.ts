/** Conflicts in a CodeMirror 6 editor: underlined at their anchors, opened by click, by key, explained on hover. */

import { type Extension, type Range as Ranged, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, hoverTooltip, keymap, type Tooltip, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import type * as Y from "yjs";

import type { ConflictEntry, ConflictNews } from "./conflicts.js";
import { type ConflictPlace, placeOfEntry, type Range, rangesIn } from "./places.js";

/** Where entries come from: a `KeepBoth` is one. */
export interface ConflictSource {
  readonly conflicts: ReadonlyMap<string, ConflictEntry>;
  readonly places: ReadonlyMap<string, ConflictPlace>;
  read(id: string): Promise<ConflictEntry>;
  on(event: "conflicts", listener: (entries: ReadonlyMap<string, ConflictEntry>, news: ConflictNews | null) => void): () => void;
}

export interface ConflictOptions {
  /** Somebody wants to see this entry: clicked, or Alt-Enter at it. It is read first. */
  open?: (entry: ConflictEntry) => void;
  /** The same at once, without the entry, for who reads it otherwise; then `open` is not called. */
  openId?: (id: string) => void;
  /** Which entries are underlined; by default those that are open and concern somebody. */
  shows?: (place: ConflictPlace) => boolean;
}

/** What is said of an entry until it has been read. */
const OUTCOMES: Record<string, string> = {
  lost: "Text missing",
  duplicated: "Shown twice",
  "both-rewrote": "Both kept",
  orphaned: "Stray words",
  "formatting-lost": "Formatting",
  "same-gap": "Both kept",
  "both-removed": "Both deleted",
  agreed: "Same change",
};

const LOST_MS = 500;
const STILL_PX = 5;

const shownByDefault = (place: ConflictPlace): boolean => place.status === "open" && place.hidden === "";

/** Where `entry` is in `text` now; null if it is elsewhere. */
export function placeOf(entry: ConflictEntry, text: Y.Text): Range | null {
  return rangesIn(text, [placeOfEntry(entry)]).get(entry.id) ?? null;
}

interface Marks {
  /** Nothing but `marks` is underlined from now on. */
  whole: boolean;
  /** Otherwise: what was known of these goes. */
  gone: ReadonlySet<string>;
  marks: readonly Mark[];
}

interface Mark extends Range {
  id: string;
  words: string;
}

const setMarks = StateEffect.define<Marks>();
const idOf = (value: Decoration): string => (value.spec as { id: string }).id;

function ranged(marks: readonly Mark[], length: number): Ranged<Decoration>[] {
  const made: Ranged<Decoration>[] = [];
  for (const { from, to, id, words } of marks) {
    // A place where nothing is left is shown at its neighbour.
    const end = Math.min(Math.max(to, from + 1), length);
    const start = Math.min(from, Math.max(end - 1, 0));
    if (start >= end) continue;
    const attributes = { "data-conflict": id, role: "mark", "aria-label": words };
    made.push(Decoration.mark({ id, class: "cm-conflict", attributes }).range(start, end));
  }
  return made.sort((one, other) => one.from - other.from || other.to - one.to);
}

/** All underlines of the text. Typing moves them with it, and only those in view are drawn: both are the editor's. */
const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, transaction) {
    if (transaction.docChanged) set = set.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setMarks)) continue;
      const { whole, gone, marks } = effect.value;
      const add = ranged(marks, transaction.newDoc.length);
      set = whole ? RangeSet.of(add) : set.update({ filter: (_, __, value) => !gone.has(idOf(value)), add });
    }
    return set;
  },
  provide: (self) => EditorView.decorations.from(self),
});

/** The ids of the entries at `position`, the smallest place first. */
export function conflictsAt(view: EditorView, position: number): string[] {
  const found: { id: string; size: number }[] = [];
  view.state.field(field).between(position, position, (from, to, value) => void found.push({ id: idOf(value), size: to - from }));
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
 * Underlines the conflicts of `text`. `source` says where there are any; `open` is called for a click on one, and for
 * Alt-Enter with the cursor in one.
 */
export function conflictsExtension(source: ConflictSource, text: Y.Text, options: ConflictOptions = {}): Extension {
  const shows = options.shows ?? shownByDefault;

  const openAt = (view: EditorView, position: number): boolean => {
    const id = conflictsAt(view, position)[0];
    const { open, openId } = options;
    if (!id || !(open || openId)) return false;
    if (openId) openId(id);
    else if (open) source.read(id).then(open, (error: unknown) => console.warn("keepboth: a conflict could not be read", error));
    return true;
  };

  let pressed: { x: number; y: number } | null = null;

  const wordsOf = ({ id, severity }: ConflictPlace): string =>
    source.conflicts.get(id)?.card.sentence.text ?? OUTCOMES[severity] ?? "Collision";

  const follower = ViewPlugin.fromClass(
    class {
      readonly off: () => void;
      /** What is to be looked at again; null: everything. */
      changed: Set<string> | null = null;
      /** Entries whose text is not here yet. */
      readonly awaited = new Set<string>();
      scheduled = false;
      gone = false;
      timer: ReturnType<typeof setTimeout> | undefined;

      constructor(readonly view: EditorView) {
        this.off = source.on("conflicts", (_, news) =>
          this.schedule(news && !news.reset ? [...news.superseded.map(([old]) => old), ...news.conflicts.map(({ id }) => id)] : null),
        );
        this.schedule(null);
      }

      update(update: ViewUpdate): void {
        if (!update.docChanged) return;
        if (this.awaited.size) this.schedule(this.awaited);
        if (update.state.field(field).size >= update.startState.field(field).size) return;
        // The text of one is gone; it is to be shown at its neighbour.
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.schedule(null), LOST_MS);
      }

      /** Soon, and once for many: never while the view is being updated. */
      schedule(ids: Iterable<string> | null): void {
        if (!this.scheduled) this.changed = new Set();
        if (ids === null) this.changed = null;
        else for (const id of ids) this.changed?.add(id);
        if (this.scheduled) return;
        this.scheduled = true;
        requestAnimationFrame(() => {
          this.scheduled = false;
          if (!this.gone) this.show();
        });
      }

      show(): void {
        const { changed } = this;
        const places = changed ? [...changed].flatMap((id) => source.places.get(id) ?? []) : [...source.places.values()];
        const shown = places.filter(shows);
        const ranges = rangesIn(text, shown);
        const marks: Mark[] = [];
        if (changed) for (const id of changed) this.awaited.delete(id);
        else this.awaited.clear();
        for (const place of shown) {
          const range = ranges.get(place.id);
          if (range) marks.push({ ...range, id: place.id, words: wordsOf(place) });
          else if (range === undefined) this.awaited.add(place.id);
        }
        this.view.dispatch({ effects: setMarks.of({ whole: changed === null, gone: changed ?? new Set(), marks }) });
      }

      destroy(): void {
        this.gone = true;
        clearTimeout(this.timer);
        this.off();
      }
    },
  );

  return [
    field,
    follower,
    theme,
    // Not `click`: there is none where the line was drawn anew in between, because the cursor came to it.
    EditorView.domEventHandlers({
      mousedown(event) {
        const mark = event.target instanceof Element && event.button === 0 ? event.target.closest("[data-conflict]") : null;
        pressed = mark && { x: event.clientX, y: event.clientY };
        return false;
      },
      mouseup(event, view) {
        const from = pressed;
        pressed = null;
        if (!from || !view.state.selection.main.empty || Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL_PX) return false;
        const position = view.posAtCoords(from);
        return position !== null && openAt(view, position);
      },
    }),
    keymap.of([{ key: "Alt-Enter", run: (view) => openAt(view, view.state.selection.main.head) }]),
    hoverTooltip(async (view, position): Promise<Tooltip | null> => {
      const id = conflictsAt(view, position)[0];
      if (!id) return null;
      const entry = await source.read(id).catch(() => null);
      if (!entry) return null;
      const words = entry.card.sentence.text;
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
