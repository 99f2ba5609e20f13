/** Every line reads in the direction of its own writing. */

import { type Extension, RangeSetBuilder } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";

const auto = Decoration.line({ attributes: { dir: "auto" } });

function linesInView(view: EditorView): DecorationSet {
  const built = new RangeSetBuilder<Decoration>();
  // A very long line is in view in several parts, and is marked once.
  let done = -1;
  for (const { from, to } of view.visibleRanges) {
    for (let at = from; at <= to; ) {
      const line = view.state.doc.lineAt(at);
      if (line.from > done) built.add(line.from, line.from, auto);
      done = line.from;
      at = line.to + 1;
    }
  }
  return built.finish();
}

export const ownDirection: Extension = [
  EditorView.perLineTextDirection.of(true),
  ViewPlugin.fromClass(
    class {
      decorations: DecorationSet;

      constructor(view: EditorView) {
        this.decorations = linesInView(view);
      }

      update(update: ViewUpdate): void {
        if (update.docChanged || update.viewportChanged) this.decorations = linesInView(update.view);
      }
    },
    { decorations: (plugin) => plugin.decorations },
  ),
];
