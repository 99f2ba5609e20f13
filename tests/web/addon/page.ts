/** A page with nothing but the add-on, for tests: everything is driven through `window.bench`. */

import { keepBoth, type KeepBoth } from "keepboth";
import { conflictsExtension } from "keepboth/codemirror";
import { type ConflictPlace, rangesIn } from "../../../client_demo/web/addon/src/places";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { yCollab } from "y-codemirror.next";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

declare global {
  interface Window {
    bench: Bench;
    received?: (receipts: unknown) => void;
    clicked: string[];
    compareRanges: (seed: number) => { differ: ConflictPlace[]; later: boolean; here: number; elsewhere: number };
  }
}

const query = new URLSearchParams(location.search);

class Bench {
  readonly doc = new Y.Doc();
  readonly text = this.doc.getText("text");
  readonly provider: WebsocketProvider;
  readonly both: KeepBoth | null;
  readonly receipts: { seq: number; status: string; revision: number }[] = [];

  constructor(document: string, name: string, plain: boolean) {
    const server = `${location.origin.replace("http", "ws")}/ws`;
    this.provider = new WebsocketProvider(server, encodeURIComponent(document), this.doc, { disableBc: true });
    this.both = plain ? null : keepBoth(this.provider, { name, ...(query.has("list") ? { list: Number(query.get("list")) } : {}) });
    this.both?.on("receipts", (receipts) => {
      this.receipts.push(...receipts);
      window.received?.(receipts);
    });
  }

  type(at: number, text: string, gone = 0): void {
    this.doc.transact(() => {
      if (gone) this.text.delete(at, gone);
      this.text.insert(at, text);
    });
  }

  edit(): void {
    window.clicked = [];
    const nonce = document.querySelector<HTMLMetaElement>("meta[name=nonce]")?.content ?? "";
    const view = new EditorView({
      parent: document.body,
      state: EditorState.create({
        doc: this.text.toString(),
        extensions: [
          EditorView.cspNonce.of(nonce),
          yCollab(this.text, null),
          this.both ? conflictsExtension(this.both, this.text, { open: (entry) => window.clicked.push(entry.id) }) : [],
        ],
      }),
    });
    view.focus();
  }
}

/** As Yjs says it, one by one. */
function slowly(text: Y.Text, [first, last]: readonly (readonly [number, number])[]): { from: number; to: number } | null {
  const at = ([client, clock]: readonly [number, number], assoc: number): number | null => {
    const json = { item: { client, clock }, assoc };
    const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(json), text.doc!);
    return found?.type === text ? found.index : null;
  };
  const [from, to] = [at(first!, 0), at(last!, -1)];
  return from === null || to === null || to < from ? null : { from, to };
}

/** Two people write, delete, format and undo in two texts; every two items are a place. Where the two ways differ. */
window.compareRanges = (seed) => {
  let state = seed + 1;
  const draw = (below: number): number => (state = (state * 48271) % 2147483647) % below;
  const docs = [1, 2].map((client) => Object.assign(new Y.Doc(), { clientID: client * 1000 + seed }));
  const undos = docs.map((doc) => new Y.UndoManager(doc.getText("text"), { captureTimeout: 0 }));
  for (let step = 0; step < 120; step++) {
    const at = draw(2);
    const text = docs[at]!.getText(draw(6) ? "text" : "other");
    const place = draw(text.length + 1);
    const what = draw(12);
    if (what < 5) text.insert(place, "abcdefgh".slice(draw(8)));
    else if (what < 6) text.insertEmbed(place, { image: 1 });
    else if (what < 9) text.delete(place, Math.min(draw(9), text.length - place));
    else if (what < 10) text.format(place, Math.min(4, text.length - place), { bold: true });
    else if (what < 11) undos[at]!.undo();
    else undos[at]!.redo();
    if (!draw(5)) Y.applyUpdate(docs[1 - at]!, Y.encodeStateAsUpdate(docs[at]!));
  }
  const doc = docs[0]!;
  const text = doc.getText("text");
  const ids = [...doc.store.clients].flatMap(([client, structs]) => structs.flatMap(({ id, length }) => Array.from({ length }, (_, more) => [client, id.clock + more] as const)));
  const places = ids.map((first, number): ConflictPlace => ({ id: String(number), status: "open", severity: "lost", certain: true, hidden: "", anchors: [first, ids[draw(ids.length)]!] }));
  places.push({ ...places[0]!, id: "later", anchors: [[1000 + seed, 1e6], ids[0]!] }, { ...places[0]!, id: "key", anchors: null });
  const found = rangesIn(text, places);
  const differ = places.filter(({ id, anchors }) => id !== "later" && JSON.stringify(found.get(id)) !== JSON.stringify(anchors && slowly(text, anchors)));
  return { differ, later: found.has("later"), here: [...found.values()].filter((one) => one && one.to > one.from).length, elsewhere: [...found.values()].filter((one) => !one).length };
};

window.bench = new Bench(query.get("document") ?? "", query.get("name") ?? "", query.has("plain"));
