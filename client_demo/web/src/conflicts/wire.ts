/** What the HTTP API says about conflicts beyond the list: counts, returns, one entry with its edits (docs/http.md). */

import { type Conflict, get, type Participant, type Query, type Sentence } from "../api";

export interface Counts {
  total: number;
  shown: number;
  hidden: Record<string, number>;
  footer: Sentence[];
  edits: number;
  people: number;
  complete: boolean;
}

export function counts(query: Query, signal?: AbortSignal): Promise<Counts> {
  return get("/api/conflicts/counts", query, signal);
}

/** Somebody's return after a time offline, and the entries it ran into, missing text first. */
export interface Notice {
  document: string;
  correlation_id: string;
  level: "interrupt" | "badge";
  person: Participant;
  sentence: Sentence;
  cards: string[];
  missing: number;
  needs: Participant[];
  arrived_at: number;
}

export function notices(document: string, viewer: string | null, signal?: AbortSignal): Promise<{ notices: Notice[] }> {
  return get("/api/notices", { document, for: viewer, utc_offset_s: utcOffset() }, signal);
}

/** One of the edits that met. */
export interface MetEdit {
  revision: number;
  id: string;
  actor: string;
  name: string | null;
  session: string | null;
  recorded_at: string;
  authored_at: string;
}

export interface ConflictDetail {
  conflict: Conflict;
  events: MetEdit[];
  complete: boolean;
}

export function conflictDetail(
  id: string,
  document: string,
  viewer: string | null,
  signal?: AbortSignal,
): Promise<ConflictDetail> {
  return get("/api/conflict", { id, document, for: viewer, utc_offset_s: utcOffset() }, signal);
}

/** Seconds that the reader is east of UTC. */
export const utcOffset = (): number => -new Date().getTimezoneOffset() * 60;
