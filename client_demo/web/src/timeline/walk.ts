/** All collisions of a document in the order in which they met, read a mark at a time: a mark may stand for thousands. */

import { address, ask } from "../api";
import type { Mark } from "./api";

/** One collision of a mark. */
export interface Step {
  id: string;
  revision: number;
  last_revision: number;
}

interface Rows {
  fields: string[];
  places: (string | number)[][];
  next: string | null;
}

const PAGE = 5_000;

export class Walk {
  readonly #read = new Map<number, Promise<Step[]>>();

  /** `marks` ascend, and no revision belongs to two. */
  constructor(
    private readonly document: string,
    private readonly marks: readonly Mark[],
    private readonly leaving: AbortSignal,
  ) {}

  /** The place of a collision among all of them, from 1; 0 if no mark stands for it. */
  async nth(id: string, revision: number): Promise<number> {
    const at = this.#markAt(revision);
    if (at < 0) return 0;
    const within = (await this.#steps(at)).findIndex((one) => one.id === id);
    const before = this.marks.slice(0, at).reduce((sum, mark) => sum + mark.count, 0);
    return within < 0 ? 0 : before + within + 1;
  }

  /** The collision before or behind another one; null where it is the first or the last. */
  async beside(id: string, revision: number, by: 1 | -1): Promise<Step | null> {
    const at = this.#markAt(revision);
    if (at < 0) return this.from(revision, by);
    const steps = await this.#steps(at);
    const within = steps.findIndex((one) => one.id === id);
    return steps[within + by] ?? this.#outer(at + by, by);
  }

  /** The first collision behind `moment`, or the last one up to it. */
  async from(moment: number, by: 1 | -1): Promise<Step | null> {
    const at = by > 0 ? this.marks.findIndex((mark) => mark.until > moment) : this.marks.findLastIndex((mark) => mark.since <= moment);
    if (at < 0) return null;
    const steps = await this.#steps(at);
    return (by > 0 ? steps.find((one) => one.revision > moment) : steps.findLast((one) => one.revision <= moment)) ?? null;
  }

  async #outer(at: number, by: 1 | -1): Promise<Step | null> {
    if (!this.marks[at]) return null;
    return (await this.#steps(at)).at(by > 0 ? 0 : -1) ?? null;
  }

  #markAt(revision: number): number {
    return this.marks.findIndex((mark) => mark.since <= revision && revision <= mark.until);
  }

  #steps(at: number): Promise<Step[]> {
    const held = this.#read.get(at);
    if (held) return held;
    const reading = this.#load(this.marks[at]!);
    this.#read.set(at, reading);
    reading.catch(() => this.#read.delete(at));
    return reading;
  }

  async #load(mark: Mark): Promise<Step[]> {
    if (mark.count === 1) return [mark];
    const query = { document: this.document, met_since: mark.since, met_until: mark.until, limit: PAGE };
    const found: Step[] = [];
    for (let next: string | null = address("/api/conflicts/places", query); next !== null; ) {
      const page: Rows = (await (await ask(next, { signal: this.leaving })).json()) as Rows;
      const [id, revision, last] = ["id", "revision", "last_revision"].map((name) => page.fields.indexOf(name)) as [number, number, number];
      for (const row of page.places) found.push({ id: String(row[id]), revision: Number(row[revision]), last_revision: Number(row[last]) });
      next = page.next;
    }
    return found.sort((one, other) => one.revision - other.revision || (one.id < other.id ? -1 : 1));
  }
}
