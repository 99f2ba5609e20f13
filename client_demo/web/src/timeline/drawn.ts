/** A comparison in the text itself: what went is struck, what came is underlined, at its place, in the order of reading. */

import { StateEffect, StateField, type Text } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, WidgetType } from "@codemirror/view";

import { h } from "../ui/h";
import type { Change } from "./api";

/** Which of the two moments the text is of that they are drawn in. */
export type Side = "before" | "after";

export interface Drawn {
  changes: readonly Change[];
  side: Side;
}

/** More of what is not in the text here is not shown at its place; it is in the list. */
const MOST = 2_000;

class Elsewhere extends WidgetType {
  constructor(
    private readonly op: "insert" | "delete",
    private readonly text: string,
  ) {
    super();
  }

  override eq(other: Elsewhere): boolean {
    return other.op === this.op && other.text === this.text;
  }

  override toDOM(): HTMLElement {
    return this.op === "insert" ? h("ins.inserted", { dir: "auto" }, this.text) : h("del.deleted", { dir: "auto" }, this.text);
  }

  override get lineBreaks(): number {
    return this.text.split("\n").length - 1;
  }
}

/** Where `change` begins in the text of `root` at that moment; null if it is not of that text. */
export function beginningOf({ at, path, kind }: Change, root: string, side: Side): number | null {
  if (!at || kind !== "text" || path.length !== 1 || path[0] !== root) return null;
  return at[side === "before" ? 0 : 1];
}

/** The root of the text in which something changed: `text` if that is one. */
export function textOf(changes: readonly Change[]): string {
  const roots = changes.filter(({ kind, path }) => kind === "text" && path.length === 1).map(({ path }) => String(path[0]));
  return roots.find((root) => root === "text") ?? roots[0] ?? "";
}

const marks = { insert: Decoration.mark({ tagName: "ins", class: "inserted" }), delete: Decoration.mark({ tagName: "del", class: "deleted" }) };

/** Decorations for `drawn` in `text`. A change that does not fit the text (it holds embedded objects, say) is left out. */
export function decorationsOf({ changes, side }: Drawn, root: string, text: Text): DecorationSet {
  const ranges = changes.flatMap((change) => {
    let at = beginningOf(change, root, side);
    if (at === null) return [];
    const found = [];
    for (const { op, text: said, units } of change.pieces) {
      const here = op === "keep" || (op === "delete") === (side === "before");
      if (here) {
        const known = Math.min(units, said.length - (said.length > units ? 1 : 0), 200);
        if (at + units > text.length || text.sliceString(at, at + known) !== said.slice(0, known)) return [];
        if (op === "insert" || op === "delete") found.push(marks[op].range(at, at + units));
        at += units;
      } else if (op === "insert" || op === "delete") {
        const shown = said.length > MOST ? `${said.slice(0, MOST)}…` : said;
        found.push(Decoration.widget({ widget: new Elsewhere(op, shown), side: op === "delete" ? -1 : 1 }).range(at));
      }
    }
    return found;
  });
  return Decoration.set(ranges, true);
}

const draw = StateEffect.define<DecorationSet>();

const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(held, transaction) {
    // Another moment: whatever was compared was compared with something else.
    let next = transaction.docChanged ? Decoration.none : held;
    for (const effect of transaction.effects) if (effect.is(draw)) next = effect.value;
    return next;
  },
  provide: (self) => EditorView.decorations.from(self),
});

export const drawnIn = field;

/** Draw `drawn` in `view`, or take away what is drawn. */
export function drawIn(view: EditorView, drawn: Drawn | null, root: string): void {
  const set = drawn ? decorationsOf(drawn, root, view.state.doc) : Decoration.none;
  view.dom.classList.toggle("comparing", drawn !== null);
  if (set.size || view.state.field(field).size) view.dispatch({ effects: draw.of(set) });
}
