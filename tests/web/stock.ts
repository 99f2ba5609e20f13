/** An editor that knows nothing of KeepBoth: Yjs and the unmodified provider, driven by the test. */

import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const doc = new Y.Doc();
const query = new URLSearchParams(location.search);
const server = `${location.origin.replace("http", "ws")}/ws`;
const provider = new WebsocketProvider(server, encodeURIComponent(query.get("document") ?? ""), doc, { disableBc: true });
provider.awareness.setLocalStateField("user", { name: query.get("name"), color: "#c2570c" });

Object.assign(window, {
  stock: {
    provider,
    text: () => doc.getText("text").toString(),
    replace: (from: string, to: string) =>
      doc.transact(() => {
        const text = doc.getText("text");
        const at = text.toString().indexOf(from);
        text.delete(at, from.length);
        text.insert(at, to);
      }),
    leave: () => provider.disconnect(),
    comeBack: () => provider.connect(),
  },
});
