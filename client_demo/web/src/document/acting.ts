/** Acting as the person who reads: whatever page it is, the server hears the session and the name of the editor's page. */

import { get, type Sender } from "../api";
import { encodeName } from "../router";
import { me } from "../ui/people";

/** Who the server takes a sender for (`GET /api/me`). */
interface Me {
  actor: string | null;
  name: string | null;
  identified: boolean;
}

/** Where the sockets of this server are. */
export const SOCKETS = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;

/** The sessions of documents that this page has open, or has acted on where the browser keeps nothing. */
const sessions = new Map<string, () => string>();

/** From now on `session()` names the session of `document` on this page. */
export function actWith(document: string, session: () => string): void {
  sessions.set(document, session);
}

export async function acting(document: string): Promise<Sender> {
  const open = sessions.get(document);
  if (open) return { session: open(), name: me().name };
  const { keptSession } = await import("keepboth/kept");
  const kept = await keptSession(SOCKETS, encodeName(document));
  const session = kept ?? `web-${crypto.getRandomValues(new BigUint64Array(2)).join("-")}`;
  if (!kept) actWith(document, () => session);
  return { session, name: me().name };
}

/** The actor whom the server takes `session` for, whether an `identify` hook knows the person or not. */
export async function actorOf(document: string, session: string, signal?: AbortSignal): Promise<string> {
  const { actor } = await get<Me>("/api/me", { document, session }, signal);
  return actor ?? guest(session);
}

/** The actor of a session where nobody identifies people. */
export const guest = (session: string): string => `guest:${session}`;
