/**
 * Carets and selections of the others, from awareness states as y-codemirror.next writes them. Its own extension sets
 * `style` attributes, which the content security policy forbids; this one sets properties.
 */

import { Annotation, type Extension, type Range } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from "@codemirror/view";
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

import { colourOf } from "../ui/people";

const moved = Annotation.define<true>();

interface State {
  user?: { name?: unknown; color?: unknown };
  cursor?: { anchor?: unknown; head?: unknown } | null;
}

class Caret extends WidgetType {
  constructor(
    readonly name: string,
    readonly color: string,
  ) {
    super();
  }

  toDOM(): HTMLElement {
    const caret = document.createElement("span");
    caret.className = "cm-caret";
    caret.style.setProperty("--person", this.color);
    // Shown by the style sheet: it is not of the text, neither for screen readers nor for who copies it.
    caret.dataset["name"] = this.name;
    caret.setAttribute("aria-hidden", "true");
    return caret;
  }

  override eq(other: Caret): boolean {
    return other.name === this.name && other.color === this.color;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

/** A colour that somebody else's editor gave: only a plain one is taken. */
const colourGiven = (color: unknown, name: string): string =>
  typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color) ? color : colourOf(name);

export function carets(text: Y.Text, awareness: Awareness): Extension {
  return ViewPlugin.fromClass(
    class {
      decorations: DecorationSet = Decoration.none;
      private readonly follow = (changes: Record<"added" | "updated" | "removed", number[]>): void => {
        const others = [...changes.added, ...changes.updated, ...changes.removed];
        if (others.some((id) => id !== awareness.clientID)) {
          queueMicrotask(() => !this.gone && this.view.dispatch({ annotations: moved.of(true) }));
        }
      };
      private gone = false;

      constructor(readonly view: EditorView) {
        awareness.on("change", this.follow);
        this.decorations = this.draw();
      }

      destroy(): void {
        this.gone = true;
        awareness.off("change", this.follow);
      }

      update(update: ViewUpdate): void {
        this.tell(update);
        if (update.docChanged || update.transactions.some((one) => one.annotation(moved))) this.decorations = this.draw();
      }

      /** Where our own selection is, while this editor has the focus. */
      private tell(update: ViewUpdate): void {
        const local = awareness.getLocalState() as State | null;
        if (!local || !update.view.hasFocus) return;
        const { anchor, head } = update.state.selection.main;
        const cursor = {
          anchor: Y.createRelativePositionFromTypeIndex(text, anchor),
          head: Y.createRelativePositionFromTypeIndex(text, head),
        };
        const same = (was: unknown, is: Y.RelativePosition): boolean =>
          Boolean(was) && Y.compareRelativePositions(Y.createRelativePositionFromJSON(was), is);
        if (same(local.cursor?.anchor, cursor.anchor) && same(local.cursor?.head, cursor.head)) return;
        awareness.setLocalStateField("cursor", cursor);
      }

      private draw(): DecorationSet {
        const found: Range<Decoration>[] = [];
        for (const [id, state] of awareness.getStates() as Map<number, State>) {
          if (id === awareness.clientID || !state.cursor) continue;
          const anchor = this.index(state.cursor.anchor);
          const head = this.index(state.cursor.head);
          if (anchor === null || head === null) continue;
          const name = typeof state.user?.name === "string" ? state.user.name.slice(0, 40) : "Somebody";
          const color = colourGiven(state.user?.color, name);
          if (anchor !== head) {
            const mark = Decoration.mark({ class: "cm-selected", attributes: { style: `--person: ${color}` } });
            found.push(mark.range(Math.min(anchor, head), Math.max(anchor, head)));
          }
          const side = head > anchor ? -1 : 1;
          found.push(Decoration.widget({ side, widget: new Caret(name, color) }).range(head));
        }
        return Decoration.set(found, true);
      }

      private index(position: unknown): number | null {
        if (!position || !text.doc) return null;
        try {
          const relative = Y.createRelativePositionFromJSON(position);
          const at = Y.createAbsolutePositionFromRelativePosition(relative, text.doc);
          return at?.type === text ? Math.min(at.index, this.view.state.doc.length) : null;
        } catch {
          return null; // another editor's idea of a position
        }
      }
    },
    { decorations: (plugin) => plugin.decorations },
  );
}
