/** The private messages of docs/protocol.md (type 120), and what a declared session finds behind every update. */

import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

export const SYNC = 0;
export const PRIVATE = 120;
export const STEP_2 = 1;
export const UPDATE = 2;

const HELLO = 0;
const SEEN = 1;
const EDIT = 2;

export const WELCOME = 0;
export const RECEIPTS = 1;
export const ERROR = 2;
export const CONFLICTS = 3;

const STATUSES = ["appended", "duplicate", "rekeyed"] as const;
const DISPOSITIONS = ["ready", "pending", "quarantined"] as const;

export interface Hello {
  v: 1;
  session: string;
  client: number;
  store: string | null;
  seen: number;
  hash: string;
  seq: number;
  clock: number;
  name?: string;
  color?: string;
}

export interface Welcome {
  store: string;
  revision: number;
  resumed: boolean;
  reason: string | null;
  seq: number;
  max_frame_bytes: number;
}

/** What became of an edit: its number in the session, and its place in the log (0 if that is not at hand). */
export interface Receipt {
  seq: number;
  status: (typeof STATUSES)[number];
  revision: number;
  disposition: (typeof DISPOSITIONS)[number];
}

/** How far the server's updates reach, and a prefix of the document's chain hash there. */
export interface Reached {
  revision: number;
  hash: string;
}

function message(...numbers: number[]): encoding.Encoder {
  const encoder = encoding.createEncoder();
  for (const number of numbers) encoding.writeVarUint(encoder, number);
  return encoder;
}

export function helloFrame(hello: Hello): Uint8Array {
  const encoder = message(PRIVATE, HELLO);
  encoding.writeUint8Array(encoder, new TextEncoder().encode(JSON.stringify(hello)));
  return encoding.toUint8Array(encoder);
}

/** Everything up to `base` has been applied. */
export function seenFrame(base: number): Uint8Array {
  return encoding.toUint8Array(message(PRIVATE, SEEN, base, 0, 0));
}

/** The number of the next update; `authoredAt` in µs since 1970, 0 for now. */
export function editFrame(seq: number, authoredAt: number): Uint8Array {
  return encoding.toUint8Array(message(PRIVATE, EDIT, seq, authoredAt));
}

export function updateFrame(update: Uint8Array): Uint8Array {
  const encoder = message(SYNC, UPDATE);
  encoding.writeVarUint8Array(encoder, update);
  return encoding.toUint8Array(encoder);
}

/** The two numbers that a message begins with. */
export function kindOf(frame: Uint8Array): readonly [type: number, subtype: number] {
  const decoder = decoding.createDecoder(frame);
  const type = decoding.readVarUint(decoder);
  return [type, type === SYNC || type === PRIVATE ? decoding.readVarUint(decoder) : -1];
}

/** What follows the update in a step 2 or update frame; null if the server did not say. */
export function reachedBy(frame: Uint8Array): Reached | null {
  const decoder = decoding.createDecoder(frame);
  decoding.readVarUint(decoder);
  decoding.readVarUint(decoder);
  decoding.readVarUint8Array(decoder);
  if (!decoding.hasContent(decoder)) return null;
  const revision = decoding.readVarUint(decoder);
  const rest = frame.subarray(decoder.pos);
  return { revision, hash: Array.from(rest, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

/** The body of a private message with JSON. Throws what `JSON.parse` throws. */
export function jsonOf(frame: Uint8Array): unknown {
  const decoder = decoding.createDecoder(frame);
  decoding.readVarUint(decoder);
  decoding.readVarUint(decoder);
  return JSON.parse(new TextDecoder().decode(frame.subarray(decoder.pos)));
}

export function receiptsOf(frame: Uint8Array): Receipt[] {
  const decoder = decoding.createDecoder(frame);
  decoding.readVarUint(decoder);
  decoding.readVarUint(decoder);
  const count = decoding.readVarUint(decoder);
  return Array.from({ length: count }, () => {
    const seq = decoding.readVarUint(decoder);
    const status = STATUSES[decoding.readUint8(decoder)] ?? "appended";
    const revision = decoding.readVarUint(decoder);
    const disposition = DISPOSITIONS[decoding.readUint8(decoder)] ?? "ready";
    return { seq, status, revision, disposition };
  });
}
