/** The collisions of one document as a reader looks at them: a filtered, paged list that follows what happens. */

import { ApiError, type Conflict, conflicts, type Query } from "../api";
import { conflictDetail, type Counts, counts, type Notice, notices, utcOffset } from "./wire";

export interface Filter {
  show: "open" | "decided" | "all";
  actor: string | null;
  words: string;
}

export const EVERYBODY: Filter = { show: "open", actor: null, words: "" };

const PAGE = 50;
const MOST = 500;
const SOON_MS = 250;
const BEHIND_MS = 1_500;

/** `counts` and `list` are null until they are known. `error`: the last attempt to read failed. */
export class Board {
  list: Conflict[] | null = null;
  counts: Counts | null = null;
  /** Returns that ran into something open, the newest first. */
  notices: Notice[] = [];
  more: string | null = null;
  error: unknown = null;
  filter: Filter = EVERYBODY;
  /** Everybody who took part in an entry that was seen here: actor and name. */
  readonly people = new Map<string, string>();
  readonly #known = new Map<string, Conflict>();
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: AbortController | null = null;
  #again = false;

  constructor(
    readonly document: string,
    public viewer: string | null,
    private readonly leaving: AbortSignal,
  ) {
    leaving.addEventListener("abort", () => {
      clearTimeout(this.#timer);
      this.#reading?.abort();
    });
  }

  on(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Read for `viewer`, who turned out to be the reader. */
  as(viewer: string): void {
    if (viewer === this.viewer) return;
    this.viewer = viewer;
    void this.refresh();
  }

  /** The entry as it was read last. */
  known(id: string): Conflict | undefined {
    return this.#known.get(id);
  }

  /** The entry `id`, or the one that it has become part of, as it is now. */
  async read(id: string): Promise<Conflict> {
    const { conflict } = await conflictDetail(id, this.document, this.viewer, this.leaving);
    this.#remember([conflict]);
    if (conflict.id !== id) this.#known.delete(id);
    if (this.list) this.list = this.list.map((one) => (one.id === conflict.id ? conflict : one));
    this.#changed();
    return conflict;
  }

  choose(filter: Partial<Filter>): void {
    this.filter = { ...this.filter, ...filter };
    this.list = null;
    this.more = null;
    this.#changed();
    this.#reading?.abort();
    this.#reading = null;
    void this.refresh();
  }

  /** Something has happened: read again, soon, once for many. */
  soon(): void {
    this.#later(SOON_MS);
  }

  #later(ms: number): void {
    if (this.leaving.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), ms);
  }

  /** Read what is shown, again. */
  async refresh(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    const reading = (this.#reading = new AbortController());
    const limit = Math.min(MOST, Math.max(PAGE, this.list?.length ?? 0));
    const told = { document: this.document, for: this.viewer, utc_offset_s: utcOffset() };
    try {
      const [page, tally, returns] = await Promise.all([
        conflicts({ ...told, ...this.#query(), sort: "attention", limit }, reading.signal),
        counts({ ...told, ...this.#chosen() }, reading.signal),
        notices(this.document, this.viewer, reading.signal),
      ]);
      if (this.#reading !== reading) return;
      this.#remember(page.conflicts);
      this.list = page.conflicts;
      this.more = page.next;
      this.counts = tally;
      this.notices = returns.notices;
      this.error = null;
      if (!tally.complete) this.#later(BEHIND_MS);
    } catch (error) {
      if (reading.signal.aborted) return;
      // Nobody has written here yet: a document begins with its first edit.
      const isNew = error instanceof ApiError && error.code === "not-found";
      this.error = isNew ? null : error;
      if (isNew) this.list = [];
      else this.#later(BEHIND_MS * 3);
    }
    this.#reading = null;
    this.#changed();
    if (this.#again) {
      this.#again = false;
      this.soon();
    }
  }

  /** One page more. */
  async extend(): Promise<void> {
    const { more, list } = this;
    if (!more || !list) return;
    const after = new URL(more, location.href).searchParams.get("after");
    const page = await conflicts(
      {
        document: this.document,
        for: this.viewer,
        utc_offset_s: utcOffset(),
        ...this.#query(),
        sort: "attention",
        limit: PAGE * 2,
        after,
      },
      this.leaving,
    );
    if (this.list !== list) return;
    this.#remember(page.conflicts);
    this.list = [...list, ...page.conflicts];
    this.more = page.next;
    this.#changed();
  }

  #query(): Query {
    const { show } = this.filter;
    const decided = { status: ["settled", "resolved"] };
    return { ...this.#chosen(), ...(show === "open" ? { hidden: false } : show === "decided" ? decided : {}) };
  }

  #chosen(): Query {
    return { actor: this.filter.actor, q: this.filter.words || null };
  }

  #remember(entries: readonly Conflict[]): void {
    for (const entry of entries) {
      this.#known.set(entry.id, entry);
      for (const { actor, name } of entry.card.people) this.people.set(actor, name);
    }
  }

  #changed(): void {
    if (this.leaving.aborted) return;
    for (const listener of [...this.#listeners]) listener();
  }
}
