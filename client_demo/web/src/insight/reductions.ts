/** The answers of the shipped reducers (docs/reducers.md), as far as the page shows them. */

import { get } from "../api";

export interface Reduced<Value> {
  until: number;
  events: number;
  value: Value | null;
  parked: { error: string } | null;
}

export interface Surviving {
  total: number;
  authors: { author: string; units: number; share: number | null }[];
}

export interface Churn {
  typed: number;
  kept: number;
  kept_share: number | null;
  authors: { author: string; typed: number; kept: number; kept_share: number | null; deleted_by_self: number; deleted_by_others: number }[];
}

export interface Activity {
  edits: number;
  days: { day: string; edits: number }[];
  hours: { hour: string; edits: number }[];
}

export interface Sessions {
  actors: { actor: string; sessions: number; edits: number; seconds: number; median_s: number | null; longest_s: number | null }[];
}

export interface Hot {
  passages: number;
  hottest: { root: string; passage: number; heat: number; typed: number; deleted: number; authors: number; text: string }[];
}

export interface Collisions {
  edits: number;
  collisions: number;
  per_1000_edits: number | null;
  possible: number;
  severities: Record<string, number>;
}

export interface Answers {
  surviving: Surviving;
  churn: Churn;
  activity: Activity;
  sessions: Sessions;
  hot: Hot;
  collisions: Collisions;
}

export async function reduced<Name extends keyof Answers>(name: Name, document: string, signal: AbortSignal): Promise<Answers[Name]> {
  const answer = await get<Reduced<Answers[Name]>>("/api/reduce", { name, document }, signal);
  if (answer.value === null) throw new Error(answer.parked?.error ?? "There is no answer.");
  return answer.value;
}
