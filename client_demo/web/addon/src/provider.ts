/** The provider that the add-on works with, and how it is brought to use our socket. */

import type * as Y from "yjs";

/** What is used of a `WebsocketProvider` of y-websocket. */
export interface Provider {
  doc: Y.Doc;
  awareness: {
    clientID: number;
    getLocalState(): Record<string, unknown> | null;
    setLocalState(state: Record<string, unknown> | null): void;
  };
  serverUrl: string;
  roomname: string;
  ws: unknown;
  shouldConnect: boolean;
  connect(): void;
  disconnect(): void;
}

/** The class that the provider makes its sockets with: an option of its constructor, and settable since. */
export const socketClass = {
  of: (provider: Provider): typeof WebSocket => (provider as unknown as { _WS: typeof WebSocket })._WS,
  set: (provider: Provider, made: unknown): void => void ((provider as unknown as { _WS: unknown })._WS = made),
};

/** Let the provider begin again with its present socket class. A socket that is still connecting is let go when it is
 * open: browsers complain of less. */
export function takeOver(provider: Provider): void {
  const old = provider.ws as WebSocket | null;
  if (old?.readyState === 0) {
    old.onmessage = old.onclose = old.onerror = null;
    old.onopen = () => old.close();
    provider.ws = null;
  } else provider.disconnect();
  provider.connect();
}

/** The same person under another Yjs number. */
export function become(provider: Provider, client: number): void {
  const { doc, awareness } = provider;
  const here = awareness.getLocalState();
  awareness.setLocalState(null);
  doc.clientID = awareness.clientID = client;
  awareness.setLocalState(here);
}

export const newClient = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
