/**
 * Sessions in IndexedDB: the document as one replica has it, what it has seen, its edits without a receipt. Each step is
 * one transaction, so that what is found again was true at one moment. A lock (Web Locks) keeps two tabs from going on
 * as the same session.
 */

import type { Edit, SessionState } from "./session.js";

const NAME = "keepboth";
const VERSION = 1;
const COMPACT_AFTER = 200;
const KEPT_MS = 30 * 86_400_000;

/** A session as it is kept. `place` says what it belongs to: address of the document, and the caller's own word. */
interface Row extends SessionState {
  place: string;
  usedAt: number;
}

export interface Found {
  state: SessionState;
  edits: Edit[];
  updates: Uint8Array[];
}

/** What one transaction writes. */
interface Step {
  state: SessionState | null;
  edits: Edit[];
  settled: number[];
  updates: Uint8Array[];
}

const merged = (first: Step, then: Step): Step => ({
  state: then.state ?? first.state,
  edits: [...first.edits, ...then.edits],
  settled: [...first.settled, ...then.settled],
  updates: [...first.updates, ...then.updates],
});

const emptyStep = (): Step => ({ state: null, edits: [], settled: [], updates: [] });

function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error("a transaction was aborted"));
  });
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("a request failed"));
  });
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    const database = request.result;
    database.createObjectStore("sessions", { keyPath: "session" }).createIndex("place", "place");
    database.createObjectStore("edits");
    database.createObjectStore("updates", { autoIncrement: true }).createIndex("session", "session");
  };
  return answer(request);
}

const editsOf = (session: string): IDBKeyRange => IDBKeyRange.bound([session], [session, []]);

/** Hold the lock of a session for as long as the page lives, or until `release`; null if somebody else has it. */
function claim(session: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`keepboth ${session}`, { ifAvailable: true }, (lock) =>
        lock ? new Promise<void>((release) => resolve(release)) : resolve(null),
      )
      .catch(reject);
  });
}

/** One kept session. Writes are gathered while one is under way. */
export class Storage {
  #step = emptyStep();
  #writing: Promise<void> | null = null;
  #rows = 0;

  private constructor(
    private readonly database: IDBDatabase,
    private readonly place: string,
    private session: string,
    private release: () => void,
    /** The whole document as one update, for when many small ones have gathered. */
    private readonly whole: () => Uint8Array,
  ) {}

  /**
   * The session to go on with at `place`, or `fresh` if none is free. Null where nothing can be kept: no IndexedDB, or
   * no locks (a page that came over plain HTTP from another machine).
   */
  static async open(
    place: string,
    fresh: SessionState,
    whole: () => Uint8Array,
  ): Promise<{ storage: Storage; found: Found | null } | null> {
    if (!globalThis.indexedDB || !globalThis.navigator?.locks) return null;
    const database = await openDatabase();
    await forgetOld(database);
    for (const row of await sessionsAt(database, place)) {
      const release = await claim(row.session);
      if (!release) continue;
      const storage = new Storage(database, place, row.session, release, whole);
      const found = await storage.#read();
      if (found) return { storage, found };
      release();
    }
    const release = await claim(fresh.session);
    if (!release) return null;
    return { storage: new Storage(database, place, fresh.session, release, whole), found: null };
  }

  /**
   * The name of the session that was used last at `place`, whichever tab has it now; of `fresh`, which is kept for the
   * next that opens, if there is none. Null where nothing can be kept.
   */
  static async session(place: string, fresh: SessionState): Promise<string | null> {
    if (!globalThis.indexedDB || !globalThis.navigator?.locks) return null;
    const database = await openDatabase();
    try {
      const [last] = await sessionsAt(database, place);
      if (last) return last.session;
      const transaction = database.transaction("sessions", "readwrite");
      const finished = done(transaction);
      transaction.objectStore("sessions").put({ ...fresh, place, usedAt: Date.now() } satisfies Row);
      await finished;
      return fresh.session;
    } finally {
      database.close();
    }
  }

  async #read(): Promise<Found | null> {
    const transaction = this.database.transaction(["sessions", "edits", "updates"]);
    const row = (await answer(transaction.objectStore("sessions").get(this.session))) as Row | undefined;
    if (!row) return null;
    const edits = (await answer(transaction.objectStore("edits").getAll(editsOf(this.session)))) as Edit[];
    const rows = (await answer(transaction.objectStore("updates").index("session").getAll(this.session))) as {
      update: Uint8Array;
    }[];
    this.#rows = rows.length;
    const { place: _, usedAt: __, ...state } = row;
    return { state, edits, updates: rows.map((one) => one.update) };
  }

  /** Write down what has changed; {@link flushed} tells when it is kept. */
  note(state: SessionState, changes: Partial<Omit<Step, "state">> = {}): void {
    const step = this.#step;
    step.state = state;
    step.edits.push(...(changes.edits ?? []));
    step.settled.push(...(changes.settled ?? []));
    step.updates.push(...(changes.updates ?? []));
    this.#writing ??= this.#write();
  }

  /** Resolves when everything noted so far is kept; rejects if it cannot be. */
  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // everything of one task goes in one transaction
    try {
      while (this.#step.state) {
        const step = this.#step;
        this.#step = emptyStep();
        await this.#perform(step);
      }
    } finally {
      this.#writing = null;
    }
  }

  async #perform(step: Step): Promise<void> {
    const { session } = this;
    const renamed = (step.state as SessionState).session !== session;
    if (renamed) {
      const release = await claim((step.state as SessionState).session);
      this.release();
      this.release = release ?? (() => undefined);
    }
    const transaction = this.database.transaction(["sessions", "edits", "updates"], "readwrite");
    const finished = done(transaction);
    const updates = transaction.objectStore("updates");
    const edits = transaction.objectStore("edits");
    const compact = renamed || this.#rows + step.updates.length > COMPACT_AFTER;
    if (compact) {
      for (const key of await answer(updates.index("session").getAllKeys(session))) updates.delete(key);
      // The document as it is at this moment: with everything noted since, nothing of it is without its edit.
      step = merged(step, this.#step);
      this.#step = emptyStep();
      step.updates = [this.whole()];
      this.#rows = 0;
    }
    const state = step.state as SessionState;
    if (renamed) {
      transaction.objectStore("sessions").delete(session);
      edits.delete(editsOf(session));
      this.session = state.session;
    }
    for (const update of step.updates) updates.add({ session: state.session, update });
    this.#rows += step.updates.length;
    for (const edit of step.edits) edits.put(edit, [state.session, edit.seq]);
    for (const seq of step.settled) edits.delete([state.session, seq]);
    const row: Row = { ...state, place: this.place, usedAt: Date.now() };
    transaction.objectStore("sessions").put(row);
    await finished;
  }

  /** Let another tab go on with this session. */
  async close(): Promise<void> {
    await this.flushed().catch(() => undefined);
    this.release();
    this.database.close();
  }

  /** Sessions of this place that nobody has open, with edits that never got a receipt; empty ones are forgotten. */
  async orphans(deliver: (state: SessionState, edits: Edit[]) => Promise<boolean>): Promise<void> {
    for (const row of await sessionsAt(this.database, this.place)) {
      if (row.session === this.session) continue;
      const release = await claim(row.session);
      if (!release) continue;
      try {
        const all = this.database.transaction("edits").objectStore("edits").getAll(editsOf(row.session));
        const edits = (await answer(all)) as Edit[];
        if (!edits.length || (await deliver(row, edits))) await forget(this.database, row.session);
      } finally {
        release();
      }
    }
  }
}

async function forget(database: IDBDatabase, session: string): Promise<void> {
  const transaction = database.transaction(["sessions", "edits", "updates"], "readwrite");
  const finished = done(transaction);
  transaction.objectStore("sessions").delete(session);
  transaction.objectStore("edits").delete(editsOf(session));
  const updates = transaction.objectStore("updates");
  for (const key of await answer(updates.index("session").getAllKeys(session))) updates.delete(key);
  await finished;
}

/** Forget sessions of any place that nobody has used for long and that have nothing to send: the server has it all. */
async function forgetOld(database: IDBDatabase): Promise<void> {
  const rows = (await answer(database.transaction("sessions").objectStore("sessions").getAll())) as Row[];
  for (const row of rows.filter((one) => one.usedAt < Date.now() - KEPT_MS)) {
    const release = await claim(row.session);
    if (!release) continue;
    try {
      const waiting = database.transaction("edits").objectStore("edits").count(editsOf(row.session));
      if ((await answer(waiting)) === 0) await forget(database, row.session);
    } finally {
      release();
    }
  }
}

/** What a session belongs to: the address of the document, and the caller's own word. */
export const placeOf = (serverUrl: string, roomname: string, as = ""): string => `${serverUrl}/${roomname} ${as}`;

/** The sessions that are kept for `place`, the one used last first. */
async function sessionsAt(database: IDBDatabase, place: string): Promise<Row[]> {
  const found = database.transaction("sessions").objectStore("sessions").index("place").getAll(place);
  return ((await answer(found)) as Row[]).sort((one, other) => other.usedAt - one.usedAt);
}
