/** One lane a person: bars for edits in each bucket, where they were away, where their work came back. */

import type { Stretch, Timeline } from "./api";
import type { Palette } from "./palette";

export interface Lane {
  actor: string | null;
  name: string;
  hue: number | null;
  edits: number;
  /** A path on 1000 × 24 units. */
  bars: string;
  /** From the first to the last edit, 0 to 1. */
  from: number;
  to: number;
  stretches: Stretch[];
}

const HEIGHT = 20;
const FLOOR = 23;

export function lanesOf(timeline: Timeline, palette: Palette): Lane[] {
  const most = Math.max(1, ...timeline.authors.flatMap((one) => one.counts));
  return timeline.authors.map(({ actor, edits, counts }) => {
    const author = actor === null ? null : palette.of(actor);
    const first = counts.findIndex((count) => count > 0);
    const last = counts.findLastIndex((count) => count > 0);
    return {
      actor,
      name: author?.name ?? "Others",
      hue: author?.hue ?? null,
      edits,
      bars: bars(counts, most),
      from: Math.max(0, first) / counts.length,
      to: (last + 1) / counts.length,
      stretches: timeline.stretches.filter((one) => one.actor === actor),
    };
  });
}

/** A bar for every bucket with edits; its height is the root of the count, so that one edit beside 1,000 is seen. */
function bars(counts: readonly number[], most: number): string {
  const width = 1000 / counts.length;
  let path = "";
  counts.forEach((count, bucket) => {
    if (!count) return;
    const height = Math.max(2, HEIGHT * Math.sqrt(count / most));
    path += `M${round(bucket * width)} ${FLOOR}v${round(-height)}h${round(width)}v${round(height)}z`;
  });
  return path;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Off the line where they part, along above it, and down again where they meet. */
export function lanePath(from: number, to: number): string {
  const bend = Math.min(6, Math.max(0.5, (to - from) / 3));
  return `M${round(from)} ${FLOOR}C${round(from + bend)} ${FLOOR} ${round(from)} 4 ${round(from + bend)} 4H${round(Math.max(from + bend, to - bend))}C${round(to)} 4 ${round(to - bend)} ${FLOOR} ${round(to)} ${FLOOR}`;
}
