/** One shared document and its connection: the unmodified provider, and the add-on that declares and keeps. */

import { type KeepBoth, keepBoth } from "keepboth";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { encodeName } from "../router";
import { me } from "../ui/people";
import { actWith, SOCKETS } from "./acting";

export interface Connection {
  doc: Y.Doc;
  provider: WebsocketProvider;
  both: KeepBoth;
}

/** Connect to `document` until `leaving`. Nothing passes between the tabs of one browser but through the server. */
export async function connect(document: string, leaving: AbortSignal): Promise<Connection> {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(SOCKETS, encodeName(document), doc, { disableBc: true, connect: false });
  const person = me();
  provider.awareness.setLocalStateField("user", { name: person.name, color: person.color });
  const both = keepBoth(provider, { name: person.name, color: person.color, list: 0 });
  leaving.addEventListener("abort", () => {
    void both.destroy().finally(() => {
      provider.destroy();
      doc.destroy();
    });
  });
  await both.ready;
  actWith(document, () => both.session);
  if (!leaving.aborted) provider.connect();
  return { doc, provider, both };
}

/** Resolves when the document is here: from the server, or from what this browser had kept. Rejects when left. */
export function arrived({ doc, provider }: Connection, leaving: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (provider.synced || doc.share.size > 0) return resolve();
    provider.once("sync", () => resolve());
    leaving.addEventListener("abort", () => reject(new DOMException("left", "AbortError")));
  });
}
