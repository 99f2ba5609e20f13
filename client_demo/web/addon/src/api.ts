/** What the add-on asks the server over HTTP (docs/http.md): the conflict log of its document. */

import type { ConflictEntry, ConflictList } from "./conflicts.js";
import { type ConflictPlace, type PlacesPage, placesOf } from "./places.js";

/** While the server still looks for collisions, it is asked again after so long, then after twice that, and so on. */
export const BEHIND_MS = 1_500;
export const LONGEST_MS = 20_000;

export class Api {
  /** `root`: where the API is, without `/api`. */
  constructor(
    readonly root: string,
    readonly document: string,
  ) {}

  /** The entry `id`, or the one that it has become part of. */
  async entry(id: string): Promise<ConflictEntry> {
    return (await this.#get<{ conflict: ConflictEntry }>("/api/conflict", { id })).conflict;
  }

  /** The newest entries that are open. */
  async newest(limit: number): Promise<ConflictEntry[]> {
    const query = { status: "open", sort: "newest", limit: String(limit) };
    return limit > 0 ? (await this.#get<ConflictList>("/api/conflicts", query)).conflicts : [];
  }

  /** Where all entries lie that are open, or as many as are read until `ended`; and whether all are found already. */
  async places(ended: () => boolean): Promise<{ found: ConflictPlace[]; complete: boolean }> {
    const found: ConflictPlace[] = [];
    let page = await this.#get<PlacesPage>("/api/conflicts/places", { status: "open", anchored: "true" });
    for (;;) {
      for (const place of placesOf(page)) found.push(place);
      if (page.next === null || ended()) return { found, complete: page.complete };
      page = await this.#ask<PlacesPage>(page.next);
    }
  }

  #get<T>(path: string, query: Record<string, string>): Promise<T> {
    return this.#ask(`${path}?${new URLSearchParams({ document: this.document, ...query })}`);
  }

  async #ask<T>(path: string): Promise<T> {
    const answered = await fetch(this.root + path);
    if (!answered.ok) throw new Error(`the server answered ${answered.status}`);
    return answered.json() as Promise<T>;
  }
}
