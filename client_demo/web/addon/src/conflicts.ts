/** The conflict log of one document, as it changes: what the socket tells, and the list once for every connection. */

/** An entry as `GET /api/conflicts` gives it; see docs/http.md of the server. */
export interface ConflictEntry {
  id: string;
  document: string;
  status: "open" | "settled" | "resolved";
  certain: boolean;
  root: string;
  key: string | null;
  anchors: { start: unknown; end: unknown } | null;
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

export class ConflictLog {
  readonly entries = new Map<string, ConflictEntry>();
  #touched: Set<string> | null = null;

  /** Take in what the server has pushed. */
  take(news: ConflictNews): void {
    if (news.reset) this.entries.clear();
    for (const [old] of news.superseded) {
      this.entries.delete(old);
      this.#touched?.add(old);
    }
    for (const entry of news.conflicts) {
      this.entries.set(entry.id, entry);
      this.#touched?.add(entry.id);
    }
  }

  /** Read the whole list with `load`; what is pushed meanwhile is newer and stays. */
  async read(load: () => Promise<ConflictEntry[]>): Promise<void> {
    const touched = (this.#touched = new Set<string>());
    try {
      const listed = await load();
      if (this.#touched !== touched) return;
      const ids = new Set(listed.map((entry) => entry.id));
      for (const id of this.entries.keys()) if (!ids.has(id) && !touched.has(id)) this.entries.delete(id);
      for (const entry of listed) if (!touched.has(entry.id)) this.entries.set(entry.id, entry);
    } finally {
      if (this.#touched === touched) this.#touched = null;
    }
  }
}
