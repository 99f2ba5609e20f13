/** Where moments lie along the axis: 0 is before the first edit, 1 is now. A moment is a revision, or a time in ms. */

import type { Axis, Timeline } from "./api";

/** The first whole ms, since 1970, by which `time` (with microseconds) had come. */
function through(time: string): number {
  return Date.parse(time) + (/\.\d{3}(?!000)\d{3}/.test(time) ? 1 : 0);
}

export class Scale {
  readonly axis: Axis;
  /** The last moment within or before each bucket, ascending. */
  private readonly ends: readonly number[];
  private readonly start: number;

  constructor(readonly timeline: Timeline) {
    this.axis = timeline.axis;
    this.ends = timeline.revisions ?? timeline.times.map(through);
    // One ms earlier: the place before anything was written.
    this.start = timeline.revisions ? 0 : Date.parse(timeline.first_at ?? new Date(0).toISOString()) - 1;
  }

  get first(): number {
    return this.start;
  }

  get last(): number {
    return this.ends.at(-1) ?? this.start;
  }

  /** Where `moment` lies, 0 to 1. */
  place(moment: number): number {
    if (moment <= this.start) return 0;
    if (moment >= this.last) return 1;
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ends[middle] ?? 0) >= moment) high = middle;
      else low = middle + 1;
    }
    const before = this.before(low);
    const here = (this.ends[low] ?? 0) - before;
    return (low + (here ? (moment - before) / here : 1)) / this.ends.length;
  }

  /** The moment at `place`, a whole number. */
  moment(place: number): number {
    if (place <= 0) return this.start;
    if (place >= 1) return this.last;
    const exact = place * this.ends.length;
    const bucket = Math.floor(exact);
    const before = this.before(bucket);
    return Math.round(before + (exact - bucket) * ((this.ends[bucket] ?? before) - before));
  }

  /** When the moment was, ms since 1970: exact by time, that of its bucket by revision. */
  time(moment: number): number | null {
    if (this.axis === "written") return moment;
    if (moment <= 0) return null;
    const bucket = Math.min(this.ends.length - 1, Math.max(0, Math.ceil(this.place(moment) * this.ends.length) - 1));
    const time = this.timeline.times[bucket];
    return time ? Date.parse(time) : null;
  }

  /** The next moment that differs, one way or the other: an edit, or by time the edge of a bucket with edits. */
  step(moment: number, by: number): number {
    if (this.axis === "arrived") return Math.max(this.start, Math.min(this.last, moment + by));
    const at = by > 0 ? this.ends.find((end) => end > moment) : this.ends.findLast((end) => end < moment);
    return at ?? (by > 0 ? this.last : this.start);
  }

  /** The end of what somebody did in one go, before or after `moment`. */
  stop(moment: number, by: 1 | -1): number {
    if (this.axis === "written") return this.step(moment, by);
    const { stops } = this.timeline;
    return by > 0 ? (stops.find((stop) => stop > moment) ?? this.last) : (stops.findLast((stop) => stop < moment) ?? this.start);
  }

  private before(bucket: number): number {
    return bucket > 0 ? (this.ends[bucket - 1] ?? this.start) : this.start;
  }
}
