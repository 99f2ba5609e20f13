/**
 * What one replica has written and seen: the edits that wait for a receipt, and the revision up to which everything has
 * been applied. It touches neither sockets nor storage.
 */

import type { Reached, Receipt } from "./messages.js";

/** One local transaction: its number, its bytes, the revision its author had applied, and when (µs since 1970). */
export interface Edit {
  seq: number;
  update: Uint8Array;
  seen: number;
  authoredAt: number;
}

/** What is kept of a session besides its edits and its document. */
export interface SessionState {
  session: string;
  client: number;
  /** The log that `base` and `proof` belong to. */
  store: string | null;
  /** Everything up to this revision has been applied. */
  base: number;
  /** The last revision that came with a hash, and that. */
  proof: Reached;
  lastSeq: number;
}

export function newSession(client: number): SessionState {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const session = `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  return { session, client, store: null, base: 0, proof: { revision: 0, hash: "" }, lastSeq: 0 };
}

export const nowUs = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000);

export class Session {
  readonly waiting = new Map<number, Edit>();

  constructor(
    public state: SessionState,
    waiting: Iterable<Edit> = [],
  ) {
    for (const edit of waiting) this.waiting.set(edit.seq, edit);
  }

  /** Number an edit and keep it until its receipt. */
  write(update: Uint8Array, seen: number = this.state.base, authoredAt: number = nowUs()): Edit {
    const edit = { seq: ++this.state.lastSeq, update, seen, authoredAt };
    this.waiting.set(edit.seq, edit);
    return edit;
  }

  /** These are in the log; returns those that were waiting. */
  settle(receipts: readonly Receipt[]): Receipt[] {
    return receipts.filter((receipt) => this.waiting.delete(receipt.seq));
  }

  /** The number of the oldest edit without a receipt, or of the next one. */
  get firstWaiting(): number {
    return this.waiting.keys().next().value ?? this.state.lastSeq + 1;
  }

  /** Call this before the update that reaches so far is applied: what observers write then has seen it. */
  reach(reached: Reached): void {
    this.state.base = Math.max(this.state.base, reached.revision);
    if (reached.hash && reached.revision >= this.state.proof.revision) this.state.proof = reached;
  }

  /** The server's log is not the one that was seen: its revisions say nothing about what has been applied. */
  logLost(): void {
    this.state.base = 0;
    this.state.proof = { revision: 0, hash: "" };
  }

  /** Go on under another name: the log has edits of this one that are not known here. */
  renew(client: number): void {
    const { store, base, proof } = this.state;
    const edits = [...this.waiting.values()];
    this.state = { ...newSession(client), store, base, proof };
    this.waiting.clear();
    for (const edit of edits) this.write(edit.update, edit.seen, edit.authoredAt);
  }
}
