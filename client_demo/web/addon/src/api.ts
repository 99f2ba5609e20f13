/** What the add-on asks the server over HTTP (docs/http.md): the conflict log of its document. */

import type { ConflictEntry, ConflictList } from "./conflicts.js";
import { type ConflictPlace, type PlacesPage, placesOf } from "./places.js";

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

  /** Where all entries lie that are open, or as many as are read until `ended`. */
  async places(ended: () => boolean): Promise<ConflictPlace[]> {
    const found: ConflictPlace[] = [];
    let page = await this.#get<PlacesPage>("/api/conflicts/places", { status: "open", anchored: "true" });
    for (;;) {
      for (const place of placesOf(page)) found.push(place);
      if (page.next === null || ended()) return found;
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
