/** What the document says at a moment, read only: text in CodeMirror with its authors' colours, anything else as a tree. */

import { EditorState, type Range, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView } from "@codemirror/view";

import { ownDirection } from "../editor/direction";
import { fill, h } from "../ui/h";
import { exact } from "../ui/time";
import type { BlameSpan, Change, State } from "./api";
import { beginningOf, drawIn, type Drawn, drawnIn, type Side, textOf } from "./drawn";
import type { Palette } from "./palette";
import { tree } from "./tree";

export interface Reader {
  element: HTMLElement;
  show(state: State | null): void;
  /** Colour what is shown. `spans` must be of the state that was shown last. */
  colour(spans: readonly BlameSpan[], palette: Palette): void;
  /** Draw what differs in what is shown; `drawn` must be about the state that was shown last. Null: nothing. */
  compare(drawn: Drawn | null): void;
  /** Scroll to where `change` is; false if it is not in the text. */
  reveal(change: Change, side: Side): boolean;
  destroy(): void;
}

const colours = StateEffect.define<DecorationSet>();

const coloured = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(held, transaction) {
    let next = held.map(transaction.changes);
    transaction.changes.iterChangedRanges((_, __, from, to) => (next = without(next, from, to)));
    for (const effect of transaction.effects) if (effect.is(colours)) next = effect.value;
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** `held` cut off around `from` to `to`: nobody is given what somebody else may have written. */
function without(held: DecorationSet, from: number, to: number): DecorationSet {
  const rest: Range<Decoration>[] = [];
  const outside = held.update({
    filterFrom: from,
    filterTo: to,
    filter: (start, end, one) => {
      if (end <= from || start >= to) return true;
      if (start < from) rest.push(one.range(start, from));
      if (end > to) rest.push(one.range(to, end));
      return false;
    },
  });
  return rest.length ? outside.update({ add: rest, sort: true }) : outside;
}

/** The text that is read in an editor: that of the root `text`, or the longest. Null where there is none. */
export function mainText({ roots }: State): { root: string; text: string } | null {
  const texts = Object.entries(roots).flatMap(([root, { type, value }]) =>
    type === "text" && typeof value === "string" && value ? [{ root, text: value }] : [],
  );
  return texts.find(({ root }) => root === "text") ?? texts.sort((one, two) => two.text.length - one.text.length)[0] ?? null;
}

/** Everything else that holds something. */
function beside({ roots }: State, main: string): State["roots"] {
  return Object.fromEntries(Object.entries(roots).filter(([name, { value }]) => name !== main && !isEmpty(value)));
}

const isEmpty = (value: unknown): boolean =>
  value === "" || value === null || (typeof value === "object" && Object.keys(value as object).length === 0);

function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="keepboth-nonce"]')?.content ?? "";
}

export function reader(): Reader {
  const place = h("div.past");
  let view: EditorView | undefined;
  let root = "";

  const editor = (): EditorView => {
    view ??= new EditorView({
      state: EditorState.create({
        extensions: [
          EditorView.cspNonce.of(nonce()),
          // A carriage return stays one character, or places from the server would be off.
          EditorState.lineSeparator.of("\n"),
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({ "aria-label": "The text at this moment", tabindex: "0" }),
          EditorView.lineWrapping,
          ownDirection,
          coloured,
          drawnIn,
        ],
      }),
    });
    return view;
  };

  return {
    element: place,
    show(state) {
      const main = state && mainText(state);
      const others = state ? beside(state, main?.root ?? "") : {};
      root = main?.root ?? "";
      const alone = main !== null || !Object.keys(others).length;
      const { dom } = editor();
      if (alone) replace(editor(), main?.text ?? "");
      // The editor stays where it is: it would forget how far it is scrolled.
      if (alone && dom.parentElement !== place) fill(place, dom);
      else if (alone) while (dom.nextSibling) dom.nextSibling.remove();
      else fill(place);
      if (Object.keys(others).length) place.append(tree(others));
      place.classList.toggle("past-parts", alone && Object.keys(others).length > 0);
    },
    compare(drawn) {
      // Where there is no text yet, all that came is drawn in the empty one.
      if (!root && drawn) root = textOf(drawn.changes);
      if (view?.dom.isConnected) drawIn(view, drawn, root);
    },
    reveal(change, side) {
      const at = beginningOf(change, root, side);
      if (!view?.dom.isConnected || at === null || at > view.state.doc.length) return false;
      view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
      view.dom.scrollIntoView({ block: "nearest" });
      return true;
    },
    colour(spans, palette) {
      if (!view?.dom.isConnected) return;
      view.dispatch({ effects: colours.of(decorations(spans, palette, root, view.state.doc.length)) });
    },
    destroy: () => view?.destroy(),
  };
}

/** Change only what differs, so that the place on the screen and the colours stay. */
function replace(view: EditorView, text: string): void {
  const before = view.state.doc.toString();
  if (before === text) return;
  const most = Math.min(before.length, text.length);
  let start = 0;
  while (start < most && before.charCodeAt(start) === text.charCodeAt(start)) start++;
  let end = 0;
  while (end < most - start && before.charCodeAt(before.length - 1 - end) === text.charCodeAt(text.length - 1 - end)) end++;
  view.dispatch({ changes: { from: start, to: before.length - end, insert: text.slice(start, text.length - end) } });
}

function decorations(spans: readonly BlameSpan[], palette: Palette, root: string, length: number): DecorationSet {
  const built = new RangeSetBuilder<Decoration>();
  for (const span of spans) {
    if (span.what !== "text" || span.path.length !== 1 || span.path[0] !== root || span.end > length || span.end <= span.start) continue;
    const author = palette.of(span.actor);
    const title = `${author.name}, ${exact(Date.parse(span.last_at))}`;
    built.add(span.start, span.end, Decoration.mark({ class: `by by-${author.hue}`, attributes: { title } }));
  }
  return built.finish();
}
