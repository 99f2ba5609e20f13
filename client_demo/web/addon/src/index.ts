/**
 * `keepBoth(provider)`: an unmodified y-websocket provider that declares what it has seen, gets receipts, keeps its
 * session over a reload, and hears of conflicts.
 */

import * as Y from "yjs";

import { Api, BEHIND_MS, LONGEST_MS } from "./api.js";
import { type ConflictEntry, ConflictLog, type ConflictNews } from "./conflicts.js";
import type { Receipt } from "./messages.js";
import type { Options, State } from "./options.js";
import { deliverAll } from "./orphans.js";
import type { ConflictPlace } from "./places.js";
import { become, newClient, type Provider, socketClass, takeOver } from "./provider.js";
import { type Edit, newSession, Session } from "./session.js";
import { type Host, Socket } from "./socket.js";
import { placeOf, Storage } from "./storage.js";

export type { ConflictEntry, ConflictNews } from "./conflicts.js";
export type { Options, State } from "./options.js";
export type { ConflictPlace } from "./places.js";
export type { Receipt } from "./messages.js";
export type { Provider } from "./provider.js";

export interface Events {
  /** Something of {@link KeepBoth} has changed. */
  change: (both: KeepBoth) => void;
  /** Edits are on the server's disk. */
  receipts: (receipts: Receipt[]) => void;
  /** The conflict log has changed; without news, all of it was read again. */
  conflicts: (entries: ReadonlyMap<string, ConflictEntry>, news: ConflictNews | null) => void;
  /** The server has closed the session with these words. */
  problem: (problem: { code: string; detail: string }) => void;
}

/** A lost connection is known as such after this long. */
const WARN_AFTER_MS = 1000;

const LISTED = 500;
const RESTORED = Symbol("keepboth: restored");

export class KeepBoth {
  /** Resolves when what was kept is in the document. Show the editor after that. Never rejects. */
  readonly ready: Promise<void>;
  /** Whether edits without a receipt survive a reload. */
  kept = false;
  state: State = "starting";
  readonly #session: Session;
  readonly #conflicts = new ConflictLog();
  readonly #listeners: { [K in keyof Events]: Set<Events[K]> } = {
    change: new Set(),
    receipts: new Set(),
    conflicts: new Set(),
    problem: new Set(),
  };
  readonly #early: { update: Uint8Array; at: number }[] = [];
  readonly #Base: typeof WebSocket;
  readonly #onUpdate: (update: Uint8Array, origin: unknown) => void;
  #storage: Storage | null = null;
  #keptSeq = 0;
  #started = false;
  #socket: Socket | null = null;
  #ended = false;

  constructor(
    readonly provider: Provider,
    readonly options: Options = {},
  ) {
    const { doc } = provider;
    this.#Base = socketClass.of(provider);
    this.#session = new Session(newSession(doc.clientID));
    this.#onUpdate = (update, origin) => this.#updated(update, origin);
    doc.on("update", this.#onUpdate);
    this.ready = this.#start();
    const host = this.#host();
    socketClass.set(
      provider,
      class extends Socket {
        constructor(url: string, protocols?: string | string[]) {
          super(host, url, protocols);
        }
      },
    );
    if (provider.shouldConnect) takeOver(provider);
  }

  /** Edits that have no receipt yet. 0: everything is on the server's disk. */
  get waiting(): number {
    return this.#session.waiting.size + this.#early.length;
  }

  /** Names this replica in the log; without an `identify` hook its actor is `guest:` and this. */
  get session(): string {
    return this.#session.state.session;
  }

  /** The revision up to which everything has been applied here. */
  get seen(): number {
    return this.#session.state.base;
  }

  /** Whole entries of the conflict log, by id: those that were listed or have changed since. */
  get conflicts(): ReadonlyMap<string, ConflictEntry> {
    return this.#conflicts.entries;
  }

  /** Where every entry of the conflict log lies that is open, or was when it changed. */
  get places(): ReadonlyMap<string, ConflictPlace> {
    return this.#conflicts.places;
  }

  /** The whole entry `id`, or the one that it has become part of. Rejects if the server cannot be asked. */
  async read(id: string): Promise<ConflictEntry> {
    const held = this.conflicts.get(id);
    if (held) return held;
    if (!this.#api) throw new Error("there is no HTTP API to ask");
    return this.#api.entry(id);
  }

  /** The name of the document. */
  get document(): string {
    return decodeURIComponent(this.provider.roomname);
  }

  /** Listen; returns what ends it. */
  on<K extends keyof Events>(event: K, listener: Events[K]): () => void {
    this.#listeners[event].add(listener);
    return () => void this.#listeners[event].delete(listener);
  }

  /** Resolves when everything written so far is on the server's disk. */
  saved(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.waiting) return;
        off();
        resolve();
      };
      const off = this.on("change", look);
      look();
    });
  }

  /** End this: the provider is a plain one again, and another tab may go on with the session. */
  async destroy(): Promise<void> {
    this.#ended = true;
    this.provider.disconnect();
    socketClass.set(this.provider, this.#Base);
    await this.ready;
    this.provider.doc.off("update", this.#onUpdate);
    await this.#storage?.close();
    this.#storage = null;
  }

  #emit<K extends keyof Events>(event: K, ...values: Parameters<Events[K]>): void {
    for (const listener of [...this.#listeners[event]]) {
      try {
        (listener as (...given: Parameters<Events[K]>) => void)(...values);
      } catch (error) {
        console.error("keepboth: a listener failed", error);
      }
    }
  }

  #setState(state: State): void {
    this.state = state;
    this.#emit("change", this);
  }

  // -- what is kept --------------------------------------------------------------------------------------------------

  async #start(): Promise<void> {
    const { doc, serverUrl, roomname } = this.provider;
    try {
      if (this.options.keep !== false) {
        const place = placeOf(serverUrl, roomname, this.options.as);
        const opened = await Storage.open(place, this.#session.state, () => Y.encodeStateAsUpdate(doc));
        if (opened) {
          this.#storage = opened.storage;
          this.kept = true;
          if (opened.found) this.#restore(opened.found);
        }
      }
    } catch (error) {
      console.warn("keepboth: nothing can be kept in this browser", error);
      this.#storage = null;
      this.kept = false;
    }
    this.#started = true;
    // What was written before this moment was written without having seen what was kept.
    for (const { update, at } of this.#early.splice(0)) this.#write(update, 0, at);
    if (this.state === "starting") this.#setState(this.provider.shouldConnect ? "connecting" : "offline");
    if (this.#storage && this.options.keep !== false) void this.#deliverOrphans(this.#storage);
  }

  #restore(found: { state: Session["state"]; edits: Iterable<Edit>; updates: Uint8Array[] }): void {
    this.#session.state = found.state;
    for (const edit of found.edits) this.#session.waiting.set(edit.seq, edit);
    this.#keptSeq = found.state.lastSeq;
    if (found.updates.length) Y.applyUpdate(this.provider.doc, Y.mergeUpdates(found.updates), RESTORED);
    // The same Yjs client, so that its edits are known to be its own. Not before its content is in the document: Yjs
    // takes an update with content of its own client for somebody else's, and chooses another number.
    become(this.provider, found.state.client);
  }

  async #deliverOrphans(storage: Storage): Promise<void> {
    const { serverUrl, roomname } = this.provider;
    try {
      await storage.orphans((state, edits) => deliverAll(this.#Base, `${serverUrl}/${roomname}`, state, edits));
    } catch (error) {
      console.warn("keepboth: edits of a closed tab stay for later", error);
    }
  }

  #lost(error: unknown): void {
    if (!this.#storage) return;
    console.warn("keepboth: nothing can be kept in this browser any more", error);
    this.#storage = null;
    this.kept = false;
    this.#leave(this.#session.state.lastSeq);
    this.#emit("change", this);
  }

  // -- edits ---------------------------------------------------------------------------------------------------------

  #updated(update: Uint8Array, origin: unknown): void {
    if (origin === RESTORED) return;
    if (origin === this.provider) this.#note({ updates: [update] });
    else if (this.#started) this.#write(update);
    else {
      this.#early.push({ update, at: Date.now() * 1000 });
      this.#emit("change", this);
    }
  }

  #write(update: Uint8Array, seen?: number, authoredAt?: number): void {
    const edit = this.#session.write(update, seen, authoredAt);
    this.#note({ edits: [edit], updates: [update] });
    const storage = this.#storage;
    if (!storage) this.#leave(edit.seq);
    else storage.flushed().then(() => this.#leave(edit.seq), (error: unknown) => this.#lost(error));
    this.#emit("change", this);
  }

  /** Edits up to this number are safe here, and may go. */
  #leave(seq: number): void {
    this.#keptSeq = Math.max(this.#keptSeq, seq);
    this.#socket?.pump();
  }

  #note(changes: Parameters<Storage["note"]>[1]): void {
    // A copy: what is written down must be what was true now.
    this.#storage?.note({ ...this.#session.state }, changes);
  }

  // -- the connection ------------------------------------------------------------------------------------------------

  #host(): Host {
    const both = this;
    return {
      ready: this.ready,
      session: this.#session,
      name: this.options.name,
      color: this.options.color,
      Base: this.#Base,
      get keptSeq() {
        return both.#keptSeq;
      },
      kept: () => this.#storage?.flushed().catch((error: unknown) => this.#lost(error)) ?? Promise.resolve(),
      opened: (socket) => {
        this.#socket = socket;
        this.#setState("connecting");
      },
      welcomed: (welcome) => {
        if (!welcome.resumed) this.#session.logLost();
        this.#session.state.store = welcome.store;
        this.#note({});
        this.#setState("online");
        // A document begins with its first edit; until then there is nothing to ask for.
        if (welcome.revision > 0) void this.#readConflicts();
      },
      clashed: () => {
        console.warn("keepboth: this session is newer on the server than here; going on as another one");
        become(this.provider, newClient());
        this.#session.renew(this.provider.doc.clientID);
        this.#keptSeq = this.#session.state.lastSeq;
        this.#note({ edits: [...this.#session.waiting.values()] });
      },
      reached: (reached) => {
        this.#session.reach(reached);
        this.#note({});
      },
      settled: (receipts) => {
        const ours = this.#session.settle(receipts);
        if (!ours.length) return;
        this.#note({ settled: ours.map((receipt) => receipt.seq) });
        this.#emit("receipts", ours);
        this.#emit("change", this);
      },
      told: (news) => {
        this.#conflicts.take(news as ConflictNews);
        this.#emit("conflicts", this.conflicts, news as ConflictNews);
        if ((news as ConflictNews).reset) void this.#readConflicts();
      },
      failed: (problem) => this.#emit("problem", problem),
      closed: (socket, refused) => {
        if (this.#socket !== socket) return;
        this.#socket = null;
        this.#setState(refused ? "refused" : "offline");
      },
    };
  }

  // -- conflicts -----------------------------------------------------------------------------------------------------

  get #api(): Api | null {
    const { api } = this.options;
    return api === null ? null : new Api(api ?? this.provider.serverUrl.replace(/^ws/, "http").replace(/\/ws$/, ""), this.document);
  }

  /** While the server still looks for collisions, not all that it finds is pushed: `waits` ms later it is read again. */
  async #readConflicts(waits = BEHIND_MS): Promise<void> {
    const api = this.#api;
    const socket = this.#socket;
    if (!api) return;
    try {
      await this.#conflicts.read(
        () => api.newest(Math.min(this.options.list ?? LISTED, LISTED)),
        async () => {
          const { found, complete } = await api.places(() => this.#ended);
          const again = (): unknown => this.#socket === socket && !this.#ended && this.#readConflicts(Math.min(waits * 2, LONGEST_MS));
          if (!complete) setTimeout(again, waits);
          return found;
        },
      );
      if (!this.#ended) this.#emit("conflicts", this.conflicts, null);
    } catch (error) {
      // A page that is being left, or a connection that is lost, needs no warning: it is read again with the next one.
      setTimeout(() => {
        if (!this.#ended && this.#socket !== null) console.warn("keepboth: the conflict log could not be read", error);
      }, WARN_AFTER_MS);
    }
  }
}

/** See {@link KeepBoth}. Call it right after the provider was made. */
export function keepBoth(provider: Provider, options: Options = {}): KeepBoth {
  return new KeepBoth(provider, options);
}
