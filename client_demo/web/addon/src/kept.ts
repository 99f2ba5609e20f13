/** Who this browser is to a document, for a page that has no editor of it open. */

import { newSession } from "./session.js";
import { placeOf, Storage } from "./storage.js";

/**
 * The session with which this browser edits a document, or will, if it never has: decisions sent with it over HTTP are
 * by the same person as the edits. The arguments are the provider's address, its room, and `as` of `keepBoth`. Null
 * where the browser keeps nothing.
 */
export async function keptSession(serverUrl: string, roomname: string, as?: string): Promise<string | null> {
  const [client = 1] = crypto.getRandomValues(new Uint32Array(1));
  try {
    return await Storage.session(placeOf(serverUrl, roomname, as), newSession(client));
  } catch (error) {
    console.warn("keepboth: what this browser keeps cannot be read", error);
    return null;
  }
}
