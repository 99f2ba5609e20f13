/** Edits that a closed tab left behind: sent under its session, on a connection of their own. */

import {
  editFrame,
  helloFrame,
  jsonOf,
  kindOf,
  PRIVATE,
  RECEIPTS,
  receiptsOf,
  seenFrame,
  updateFrame,
  WELCOME,
  type Welcome,
} from "./messages.js";
import { type Edit, nowUs, type SessionState } from "./session.js";

const PATIENCE_MS = 20_000;

/** Send `edits` of the session `state` to `url`; resolves to whether every one has its receipt. */
export function deliverAll(Base: typeof WebSocket, url: string, state: SessionState, edits: Edit[]): Promise<boolean> {
  return new Promise((resolve) => {
    const waiting = new Map(edits.map((edit) => [edit.seq, edit]));
    const socket = new Base(url);
    const timer = setTimeout(() => socket.close(), PATIENCE_MS);
    const say = (frame: Uint8Array): void => socket.send(frame as Uint8Array<ArrayBuffer>);
    socket.binaryType = "arraybuffer";
    socket.onopen = () =>
      say(
        helloFrame({
          v: 1,
          session: state.session,
          client: state.client,
          store: state.store,
          seen: state.proof.revision,
          hash: state.proof.hash,
          seq: state.lastSeq,
          clock: nowUs(),
        }),
      );
    socket.onmessage = (event: MessageEvent<ArrayBuffer>) => {
      const frame = new Uint8Array(event.data);
      const [type, subtype] = kindOf(frame);
      if (type !== PRIVATE) return;
      if (subtype === WELCOME) {
        if ((jsonOf(frame) as Welcome).seq > state.lastSeq) return socket.close();
        for (const edit of waiting.values()) {
          say(editFrame(edit.seq, edit.authoredAt));
          say(seenFrame(edit.seen));
          say(updateFrame(edit.update));
        }
      } else if (subtype === RECEIPTS) {
        for (const receipt of receiptsOf(frame)) waiting.delete(receipt.seq);
        if (!waiting.size) socket.close();
      }
    };
    socket.onclose = () => {
      clearTimeout(timer);
      resolve(waiting.size === 0);
    };
  });
}
