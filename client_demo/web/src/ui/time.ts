/** Times for people: "12 min ago" with the exact time behind it, kept up to date while it is shown. */

import { h } from "./h";

const STEPS: readonly (readonly [limit: number, seconds: number, unit: string])[] = [
  [3_600, 60, "min"],
  [86_400, 3_600, "h"],
  [7 * 86_400, 86_400, "d"],
];

/** How long ago `then` was, in words; the date if it is more than a week. Both in ms since 1970. */
export function ago(then: number, now: number = Date.now()): string {
  const seconds = Math.max(0, (now - then) / 1000);
  if (seconds < 45) return "just now";
  for (const [limit, size, unit] of STEPS) {
    if (seconds < limit) return `${Math.max(1, Math.floor(seconds / size))} ${unit} ago`;
  }
  return new Date(then).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** A span of ms: "4 s", "12 min", "2 h", "3 d". */
export function span(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  for (const [limit, size, unit] of STEPS) if (seconds < limit) return `${Math.round(seconds / size)} ${unit}`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Date and time to the second, where the reader is. */
export function exact(then: number): string {
  return new Date(then).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

const shown = new Set<WeakRef<HTMLTimeElement>>();

/** A `<time>` that says how long ago `then` was. `then`: RFC 3339, or ms since 1970. */
export function timeAgo(then: string | number): HTMLTimeElement {
  const at = typeof then === "number" ? then : Date.parse(then);
  const element = h("time", { datetime: new Date(at).toISOString(), title: exact(at) }, ago(at));
  shown.add(new WeakRef(element));
  return element;
}

setInterval(() => {
  for (const held of shown) {
    const element = held.deref();
    if (!element) shown.delete(held);
    else if (element.isConnected) element.textContent = ago(Date.parse(element.dateTime));
  }
}, 20_000);
