/** The HTTP API of the server (docs/http.md), typed. Every failure is an `ApiError`, or a TypeError if it is not reached. */

/** What the server refused or failed at: `code` is stable, `message` one sentence for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly facts: Record<string, unknown>,
  ) {
    super(detail);
    this.name = "ApiError";
  }
}

/** A random UUID. `crypto.randomUUID` is missing on pages that came over plain HTTP from another machine. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export type Query = Record<string, string | number | boolean | readonly (string | number)[] | null | undefined>;

/** `path` with `query`, percent-encoded; null and undefined are left out, arrays repeat the name. */
export function address(path: string, query: Query = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    if (Array.isArray(value)) for (const one of value) given.append(name, String(one));
    else given.append(name, String(value));
  }
  return given.size ? `${path}?${given}` : path;
}

/** Who decides: the session in which they write, and what they call themselves. */
export interface Sender {
  session: string;
  name: string;
}

/** The answer itself: for headers (`KeepBoth-Revision`, `ETag`) and bodies that are not JSON. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(path, init);
  if (answer.ok || answer.status === 304) return answer;
  let facts: Record<string, unknown> = {};
  try {
    facts = (await answer.json()) as Record<string, unknown>;
  } catch {
    // Not ours: a proxy answered.
  }
  const code = typeof facts["code"] === "string" ? facts["code"] : "error";
  const detail = typeof facts["detail"] === "string" ? facts["detail"] : `The server answered ${answer.status}.`;
  throw new ApiError(answer.status, code, detail, facts);
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return (await ask(address(path, query), signal ? { signal } : {})).json() as Promise<T>;
}

export async function post<T>(path: string, query: Query, body: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return (await ask(address(path, query), signal ? { ...init, signal } : init)).json() as Promise<T>;
}

// -- documents -------------------------------------------------------------------------------------------------------

export interface DocumentSummary {
  document: string;
  title: string | null;
  archived: boolean;
  revision: number;
  edits: number;
  created_at: string;
  updated_at: string;
}

export interface DocumentDetail extends DocumentSummary {
  hash: string;
  approved_at: number | null;
  approved_by: string | null;
  conflicts: { count: number; known_revision: number; complete: boolean };
}

export interface Receipt {
  document: string;
  status: "appended" | "duplicate" | "rekeyed";
  id: string;
  position: number;
  revision: number;
  recorded_at: string;
  disposition: "ready" | "pending" | "quarantined";
}

/** A document of a list: who is connected, as they say of themselves, and how many collisions are to be looked at. */
export interface ListedDocument extends DocumentSummary {
  present: { name: string | null; color: string | null }[];
  open: number;
}

export function documents(
  query: { contains?: string; after?: string; limit?: number; sort?: "name" | "newest" },
  signal?: AbortSignal,
): Promise<{ documents: ListedDocument[]; next: string | null }> {
  return get("/api/documents", query, signal);
}

export function documentDetail(document: string, signal?: AbortSignal): Promise<DocumentDetail> {
  return get("/api/document", { document }, signal);
}

export function createDocument(
  document: string,
  fields: { title?: string; content?: Record<string, string> } = {},
  id: string = newId(),
  who: Partial<Sender> = {},
): Promise<Receipt> {
  return post("/api/documents", { ...who }, { document, id, ...fields });
}

export function renameDocument(document: string, title: string, seen: number, who: Sender): Promise<Receipt> {
  return post("/api/decisions", { document, ...who }, { type: "rename", title, seen, id: newId() });
}

// -- conflicts -------------------------------------------------------------------------------------------------------

export interface Sentence {
  code: string;
  params: Record<string, unknown>;
  text: string;
}

/** Somebody who took part. */
export interface Participant {
  actor: string;
  name: string;
  program: boolean;
}

export interface Piece {
  op: "keep" | "insert" | "delete" | "gap";
  text: string;
}

export interface Passage {
  text: string;
  pieces: Piece[];
  before: string;
  after: string;
  more: boolean;
}

/** One collision in words, in the order in which it is shown (docs/experience.md). */
export interface Card {
  id: string;
  status: "open" | "settled" | "resolved";
  outcome: { code: string; text: string };
  sentence: Sentence;
  notes: Sentence[];
  where: { text: string; path: string; said: Sentence[] };
  people: Participant[];
  when: Sentence | null;
  now_title: Sentence;
  now: Passage;
  versions: { title: Sentence; people: Participant[]; sessions: string[]; passage: Passage }[];
  missing: { people: Participant[]; text: string }[];
  nothing_missing: Sentence | null;
  before: Passage;
  choices: { code: string; label: Sentence; actor: string | null; session: string | null }[];
  attention: { level: "interrupt" | "badge" | "log"; reason: string; due_at: number | null };
  hidden: string[];
  needs: Participant[];
  certain: boolean;
  met_at: number;
}

/** A Yjs relative position as JSON. */
export interface Anchor {
  item: { client: number; clock: number };
  assoc: number;
}

export interface Conflict {
  id: string;
  document: string;
  status: "open" | "settled" | "resolved";
  severity: string;
  certain: boolean;
  kinds: string[];
  root: string;
  key: string | null;
  line: number | null;
  first_revision: number;
  last_revision: number;
  revisions: number[];
  first_at: string;
  last_at: string;
  base: string;
  sides: { actor: string; name: string | null; text: string; revisions: number[]; session: string | null; lost: string }[];
  merged: string;
  before: string;
  after: string;
  anchors: { start: Anchor; end: Anchor } | null;
  resolution: { id: string; revision: number; actor: string; name: string | null; recorded_at: string; choice: string | null } | null;
  seen_by: string[];
  card: Card;
}

export interface ConflictList {
  conflicts: Conflict[];
  count: number;
  complete: boolean;
  known_revision: number | null;
  revision: number | null;
  next: string | null;
}

export function conflicts(query: Query, signal?: AbortSignal): Promise<ConflictList> {
  return get("/api/conflicts", query, signal);
}

/** One choice with the text that it leads to. */
export interface Choice {
  choice: string;
  sides: { actor: string; session: string | null; name: string | null }[];
  text: string;
  parts: { text: string; kept: boolean }[];
  before: string;
  after: string;
  adds: string;
  removes: string;
  changes: boolean;
}

export interface Choices {
  id: string;
  document: string;
  revision: number;
  status: Conflict["status"];
  resolution: Conflict["resolution"];
  choices: Choice[];
}

export function choices(id: string, document: string, text?: string, signal?: AbortSignal): Promise<Choices> {
  return get("/api/conflict/choices", { id, document, text }, signal);
}

export interface Resolve {
  id: string;
  document: string;
  choice: string;
  revision: number;
  actor?: string;
  side_session?: string;
  text?: string;
}

/** Make a choice for everybody. Throws `place-changed` and `condition-failed` (409) where the world has moved on. */
export function resolveConflict(wish: Resolve, who: Sender): Promise<unknown> {
  return post("/api/conflict/resolve", { ...who }, { ...wish, event_id: newId() });
}

export function reopenConflict(id: string, document: string, who: Sender): Promise<unknown> {
  return post("/api/conflict/reopen", { ...who }, { id, document, event_id: newId() });
}

export function markSeen(id: string, document: string, who: Sender): Promise<unknown> {
  return post("/api/conflict/seen", { ...who }, { id, document, event_id: newId() });
}
