/** What is looked at, as the address has it: any view can be linked to. */

import type { Axis } from "./api";

export interface Look {
  axis: Axis;
  /** A revision, or ms since 1970 on the axis `written`; null is now. */
  at: number | null;
  /** The other end of a comparison; null: none is made. */
  second: number | "now" | null;
  /** The actor whose screen is shown; null: everyone's. */
  as: string | null;
  /** The collision that is open beside the text. */
  collision: string | null;
}

const whole = (text: string | null): number | null => (text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null);

export function parseLook(query: URLSearchParams): Look {
  const axis = query.get("axis") === "written" ? "written" : "arrived";
  const written = Date.parse(query.get("time") ?? "");
  const second = query.get("with");
  return {
    axis,
    at: axis === "written" ? (Number.isNaN(written) ? null : written) : whole(query.get("at")),
    second: second === "now" ? "now" : axis === "arrived" ? whole(second) : null,
    as: axis === "arrived" ? query.get("as") : null,
    collision: query.get("conflict"),
  };
}

/** The query that `parseLook` reads again. */
export function lookQuery(look: Look): Record<string, string | number | null> {
  const written = look.axis === "written";
  return {
    axis: written ? "written" : null,
    at: written ? null : look.at,
    time: written && look.at !== null ? new Date(look.at).toISOString() : null,
    with: look.second,
    as: look.as,
    conflict: look.collision,
  };
}
