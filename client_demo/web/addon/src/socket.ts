/**
 * What the provider takes for its WebSocket. It says hello, sends what has no receipt, and only then lets the provider
 * hear that the connection is open; after that it carries the provider's messages, except that edits are sent from the
 * session, each behind its number and what its author had seen.
 */

import {
  CONFLICTS,
  editFrame,
  ERROR,
  helloFrame,
  jsonOf,
  kindOf,
  PRIVATE,
  type Reached,
  reachedBy,
  type Receipt,
  RECEIPTS,
  receiptsOf,
  seenFrame,
  STEP_2,
  SYNC,
  UPDATE,
  updateFrame,
  WELCOME,
  type Welcome,
} from "./messages.js";
import { nowUs, type Session } from "./session.js";

/** An edit that leaves this long after it was written carries its time along; a fresher one is "now". */
const STALE_US = 500_000;
const WELCOME_MS = 15_000;

/** What a socket works for. */
export interface Host {
  readonly ready: Promise<void>;
  readonly session: Session;
  readonly name: string | undefined;
  readonly color: string | undefined;
  readonly Base: typeof WebSocket;
  /** The number up to which edits are kept safely here, and may leave. */
  readonly keptSeq: number;
  /** Resolves when everything written so far is kept. */
  kept(): Promise<void>;
  opened(socket: Socket): void;
  welcomed(welcome: Welcome): void;
  /** The log has edits of this session that are not known here. */
  clashed(): void;
  reached(reached: Reached): void;
  settled(receipts: Receipt[]): void;
  told(news: unknown): void;
  failed(problem: { code: string; detail: string }): void;
  /** `refused`: the server will not take this connection again as it is. */
  closed(socket: Socket, refused: boolean): void;
}

export class Socket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly OPEN = 1;
  binaryType = "arraybuffer";
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;

  #real: WebSocket | undefined;
  #open = false;
  #closed = false;
  #welcomed = false;
  #told = false;
  #held: ArrayBuffer[] = [];
  #cursor = 0;
  #expected = 0;
  #declared = 0;
  #helloSeq = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly host: Host,
    url: string,
    protocols?: string | string[],
  ) {
    void host.ready.then(() => {
      if (!this.#closed) this.#connect(url, protocols);
    });
  }

  get readyState(): number {
    if (this.#open) return this.#real?.readyState ?? Socket.CLOSED;
    return this.#closed ? Socket.CLOSED : Socket.CONNECTING;
  }

  /** From the provider. Its copies of local edits stay here: they leave from the session. */
  send(data: Uint8Array<ArrayBuffer>): void {
    const [type, subtype] = kindOf(data);
    if (type === SYNC && subtype === UPDATE) return;
    this.#real?.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.host.closed(this, false);
    this.#real?.close(code, reason);
  }

  /** Send the edits that have not left on this connection, oldest first. */
  pump(): void {
    const { host } = this;
    if (!this.#welcomed || this.#real?.readyState !== Socket.OPEN) return;
    while (this.#cursor <= host.keptSeq) {
      const edit = host.session.waiting.get(this.#cursor++);
      if (!edit) continue;
      const late = edit.seq <= this.#helloSeq || nowUs() - edit.authoredAt > STALE_US;
      if (late || edit.seq !== this.#expected) this.#say(editFrame(edit.seq, late ? edit.authoredAt : 0));
      this.#expected = edit.seq + 1;
      if (edit.seen !== this.#declared) {
        this.#declared = edit.seen;
        this.#say(seenFrame(edit.seen));
      }
      this.#say(updateFrame(edit.update));
    }
  }

  #say(frame: Uint8Array): void {
    this.#real?.send(frame as Uint8Array<ArrayBuffer>);
  }

  #connect(url: string, protocols?: string | string[]): void {
    const real = new this.host.Base(url, protocols ?? []);
    this.#real = real;
    real.binaryType = "arraybuffer";
    real.onopen = () => {
      const { session, name, color } = this.host;
      const { state } = session;
      this.#helloSeq = state.lastSeq;
      this.#say(
        helloFrame({
          v: 1,
          session: state.session,
          client: state.client,
          store: state.store,
          seen: state.proof.revision,
          hash: state.proof.hash,
          seq: state.lastSeq,
          clock: nowUs(),
          ...(name ? { name } : {}),
          ...(color ? { color } : {}),
        }),
      );
      this.host.opened(this);
      this.#timer = setTimeout(() => real.close(), WELCOME_MS);
    };
    real.onmessage = (event: MessageEvent<ArrayBuffer>) => this.#take(event.data);
    real.onerror = (event) => this.onerror?.(event);
    real.onclose = (event) => {
      clearTimeout(this.#timer);
      this.#closed = true;
      this.#open = false;
      const refused = event.code >= 4400 && event.code < 4500;
      if (refused && !this.#told) {
        const [code = "error", ...detail] = event.reason.split(": ");
        this.host.failed({ code, detail: detail.join(": ") });
      }
      this.host.closed(this, refused);
      this.onclose?.(event);
    };
  }

  #take(data: ArrayBuffer): void {
    if (this.#closed) return;
    const frame = new Uint8Array(data);
    const [type, subtype] = kindOf(frame);
    if (type === PRIVATE) this.#takePrivate(frame, subtype);
    else if (!this.#open) this.#held.push(data);
    else this.#deliver(data);
  }

  #deliver(data: ArrayBuffer): void {
    const frame = new Uint8Array(data);
    const [type, subtype] = kindOf(frame);
    if (type === SYNC && (subtype === STEP_2 || subtype === UPDATE)) {
      const reached = reachedBy(frame);
      if (reached) this.host.reached(reached);
    }
    this.onmessage?.({ data });
  }

  #takePrivate(frame: Uint8Array, subtype: number): void {
    const { host } = this;
    if (subtype === WELCOME) void this.#begin(jsonOf(frame) as Welcome);
    else if (subtype === RECEIPTS) host.settled(receiptsOf(frame));
    else if (subtype === CONFLICTS) host.told(jsonOf(frame));
    else if (subtype === ERROR) {
      this.#told = true;
      host.failed(jsonOf(frame) as { code: string; detail: string });
    }
  }

  async #begin(welcome: Welcome): Promise<void> {
    clearTimeout(this.#timer);
    const { host } = this;
    if (welcome.seq > host.keptSeq) {
      host.clashed();
      this.#real?.close();
      return;
    }
    host.welcomed(welcome);
    this.#welcomed = true;
    this.#declared = host.session.state.proof.revision;
    this.#expected = this.#helloSeq + 1;
    this.#cursor = host.session.firstWaiting;
    // Whatever was written must have left before the provider answers with everything that the server lacks: it would
    // be recorded without number and context.
    while (host.keptSeq < host.session.state.lastSeq) await host.kept();
    if (this.#closed) return;
    this.pump();
    this.#open = true;
    this.onopen?.(new Event("open"));
    const held = this.#held;
    this.#held = [];
    for (const data of held) this.#deliver(data);
  }
}
