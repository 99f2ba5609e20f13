/** The part of the HTTP API that tells of the past (docs/http.md, "The past"). */

import { address, ask, get, newId, post, type Query, type Receipt, type Sender } from "../api";

export type Axis = "arrived" | "written";

export interface Who {
  actor: string;
  name: string | null;
}

export interface Stretch {
  stretch: string;
  actor: string;
  session: string | null;
  seen_revision: number | null;
  first_revision: number;
  last_revision: number;
  edits: number;
  written_first: string;
  written_last: string;
  arrived_at: string;
}

/** The collisions of one bucket: the newest of them, how many there are, and where they met. */
export interface Mark {
  id: string;
  first_revision: number;
  revision: number;
  last_revision: number;
  status: "open" | "settled" | "resolved";
  severity: string;
  certain: boolean;
  /** None of them needs anybody. */
  hidden: boolean;
  count: number;
  since: number;
  until: number;
}

export interface VersionMark {
  name: string;
  revision: number;
  cut: string;
  actor: string;
}

export interface Timeline {
  document: string;
  revision: number;
  cut: string;
  axis: Axis;
  pause: number;
  edits: number;
  revisions: number[] | null;
  times: string[];
  worked_s: number[];
  first_at: string | null;
  people: Who[];
  authors: { actor: string | null; edits: number; counts: number[] }[];
  stretches: Stretch[];
  stops: number[];
  conflicts: { marks: Mark[]; count: number; open: number; complete: boolean; known_revision: number };
  versions: VersionMark[];
}

export interface Root {
  type: string;
  value: unknown;
}

export interface State {
  document: string;
  revision: number;
  cut: string;
  pending: number;
  quarantined: number;
  roots: Record<string, Root>;
}

export interface BlameSpan {
  path: (string | number)[];
  key: string | null;
  start: number;
  end: number;
  what: "text" | "embed" | "value" | "type";
  value: unknown;
  actor: string;
  first_revision: number;
  last_revision: number;
  first_at: string;
  last_at: string;
}

export interface Piece {
  op: "keep" | "insert" | "delete" | "gap";
  /** May be the beginning of it and `…`. */
  text: string;
  /** The length of all of it, in UTF-16 units. */
  units: number;
}

export interface Change {
  path: (string | number)[];
  kind?: "text" | "elements" | "key";
  key?: string | null;
  before?: unknown;
  after?: unknown;
  pieces: Piece[];
  /** Of a comparison: where the pieces begin in the text of each moment, in UTF-16 units. */
  at?: [before: number, after: number] | null;
}

export interface Comparison {
  before_revision: number;
  after_revision: number;
  changes: Change[];
  count: number;
}

export interface CloudEvent {
  id: string;
  type: string;
  time: string;
  recordedtime: string;
  docrevision: number;
  authid: string;
  session?: string;
}

export interface Reverted {
  status: "preview" | "appended" | "duplicate";
  revision: number;
  cut: string | null;
  changes: Change[];
  counts: { inserted: number; deleted: number; formats: number; keys: number } | null;
}

/** A moment as the API names it: `{at: 7}`, `{authored: "2026-…"}`, `{seen_by: "<event>"}`, nothing for now. */
export type Cut = Record<string, string | number>;

export const timeline = (document: string, axis: Axis, buckets: number, signal?: AbortSignal): Promise<Timeline> =>
  get("/api/timeline", { document, axis, buckets }, signal);

export const state = (document: string, cut: Cut, signal?: AbortSignal): Promise<State> =>
  get("/api/state", { document, ...cut }, signal);

/** Who wrote what is there; `next` is set where there is more than one answer holds. */
export const blame = (document: string, cut: Cut, signal?: AbortSignal): Promise<{ spans: BlameSpan[]; next: string | null }> =>
  get("/api/blame", { document, ...cut, limit: 20_000 }, signal);

export function compare(document: string, from: Cut, to: Cut, signal?: AbortSignal): Promise<Comparison> {
  const query: Query = { document, limit: 1000 };
  for (const [name, value] of Object.entries(from)) query[`from_${name}`] = value;
  for (const [name, value] of Object.entries(to)) query[`to_${name}`] = value;
  return get("/api/compare", query, signal);
}

/** The newest event at or before `until` that fits, without looking at anything else. */
export async function lastEvent(document: string, until: number, query: Query, signal?: AbortSignal): Promise<CloudEvent | null> {
  const path = address("/api/events", { document, until, reverse: true, limit: 1, ...query });
  const found = (await (await ask(path, signal ? { signal } : {})).json()) as CloudEvent[];
  return found[0] ?? null;
}

export const nameVersion = (document: string, cut: Cut, name: string, { session, name: called }: Sender): Promise<Receipt> =>
  post("/api/versions", { document, ...cut, session, name: called }, { name, id: newId() });

export const previewRevert = (document: string, to: Cut): Promise<Reverted> =>
  post("/api/revert", {}, { document, to, preview: true });

/** Throws `place-changed` (409) where the document has moved on since the preview. */
export const revert = (document: string, to: Cut, revision: number, eventId: string, who: Sender): Promise<Reverted> =>
  post("/api/revert", { ...who }, { document, to, revision, event_id: eventId });
