/** What became of a collision, in two words, and whether somebody has looked after it. */

import type { Card } from "../api";
import { h } from "./h";

const LOUD: Record<string, string> = {
  "text-missing": "bad",
  "shown-twice": "warn",
  "stray-words": "warn",
  "both-kept": "warn",
};

const STATUS: Record<Card["status"], string> = { open: "Open", settled: "Settled", resolved: "Resolved" };

export function outcomeChip(card: Card): HTMLElement {
  const tone = card.status === "open" ? (LOUD[card.outcome.code] ?? null) : null;
  return h("span.chip.outcome", { class: tone }, card.outcome.text);
}

export function statusChip(card: Card): HTMLElement {
  return h("span.chip.status", { class: card.status === "open" ? null : "good" }, STATUS[card.status]);
}
