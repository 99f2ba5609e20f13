/** A page with nothing but the add-on, for tests: everything is driven through `window.bench`. */

import { keepBoth, type KeepBoth } from "keepboth";
import { conflictsExtension } from "keepboth/codemirror";
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
  }
}

class Bench {
  readonly doc = new Y.Doc();
  readonly text = this.doc.getText("text");
  readonly provider: WebsocketProvider;
  readonly both: KeepBoth | null;
  readonly receipts: { seq: number; status: string; revision: number }[] = [];

  constructor(document: string, name: string, plain: boolean) {
    const server = `${location.origin.replace("http", "ws")}/ws`;
    this.provider = new WebsocketProvider(server, encodeURIComponent(document), this.doc, { disableBc: true });
    this.both = plain ? null : keepBoth(this.provider, { name });
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

const query = new URLSearchParams(location.search);
window.bench = new Bench(query.get("document") ?? "", query.get("name") ?? "", query.has("plain"));
