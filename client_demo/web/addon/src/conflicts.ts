/** The conflict log of one document, as it changes: what the socket tells, and the lists once for every connection. */

import { type ConflictPlace, placeOfEntry } from "./places.js";

/** A Yjs relative position as JSON. */
export interface Anchor {
  item: { client: number; clock: number };
  assoc: number;
}

/** An entry as `GET /api/conflicts` gives it; see docs/http.md of the server. */
export interface ConflictEntry {
  id: string;
  document: string;
  status: "open" | "settled" | "resolved";
  severity: string;
  certain: boolean;
  root: string;
  key: string | null;
  anchors: { start: Anchor; end: Anchor } | null;
  card: { sentence: { text: string }; outcome: { code: string; text: string }; hidden: string[] };
  [field: string]: unknown;
}

export interface ConflictNews {
  conflicts: ConflictEntry[];
  superseded: [old: string, by: string][];
  turned: Record<string, "settled" | "resolved" | "reopened">;
  reset: boolean;
}

export interface ConflictList {
  conflicts: ConflictEntry[];
  next: string | null;
}

/** Values by id that are read once and then kept up: what is told while they are read is newer and stays. */
class Followed<T extends { id: string }> {
  readonly held = new Map<string, T>();
  #touched: Set<string> | null = null;

  put(value: T): void {
    this.held.set(value.id, value);
    this.#touched?.add(value.id);
  }

  drop(id: string): void {
    this.held.delete(id);
    this.#touched?.add(id);
  }

  async read(load: () => Promise<T[]>): Promise<void> {
    const touched = (this.#touched = new Set<string>());
    try {
      const listed = await load();
      if (this.#touched !== touched) return;
      const ids = new Set(listed.map(({ id }) => id));
      for (const id of this.held.keys()) if (!ids.has(id) && !touched.has(id)) this.held.delete(id);
      for (const value of listed) if (!touched.has(value.id)) this.held.set(value.id, value);
    } finally {
      if (this.#touched === touched) this.#touched = null;
    }
  }
}

export class ConflictLog {
  readonly #entries = new Followed<ConflictEntry>();
  readonly #places = new Followed<ConflictPlace>();

  get entries(): ReadonlyMap<string, ConflictEntry> {
    return this.#entries.held;
  }

  get places(): ReadonlyMap<string, ConflictPlace> {
    return this.#places.held;
  }

  /** Take in what the server has pushed. */
  take(news: ConflictNews): void {
    if (news.reset) for (const one of [this.#entries, this.#places]) one.held.clear();
    for (const [old] of news.superseded) {
      this.#entries.drop(old);
      this.#places.drop(old);
    }
    for (const entry of news.conflicts) {
      this.#entries.put(entry);
      this.#places.put(placeOfEntry(entry));
    }
  }

  /** Read whole entries with `entries`, and where all lie with `places`. */
  async read(entries: () => Promise<ConflictEntry[]>, places: () => Promise<ConflictPlace[]>): Promise<void> {
    await Promise.all([this.#entries.read(entries), this.#places.read(places)]);
  }
}
