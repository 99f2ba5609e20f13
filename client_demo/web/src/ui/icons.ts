/** Line icons on a 16 × 16 grid, drawn in the colour of the text around them. */

import { svg } from "./h";

const PATHS = {
  back: "M10 3 5 8l5 5",
  check: "m3 8.5 3.2 3.2L13 4.8",
  close: "m4 4 8 8m0-8-8 8",
  copy: "M6 6h7v7H6zM3 10V3h7",
  edit: "M3 13l.6-3L10.500 3.200l2.300 2.300L6 12.400 3 13z",
  moon: "M12.500 9.800A5.200 5.200 0 0 1 6.200 3.500 5.200 5.200 0 1 0 12.500 9.800z",
  play: "M5 3.500v9l7-4.500z",
  pause: "M5.500 3.500v9M10.500 3.500v9",
  plus: "M8 3v10M3 8h10",
  search: "M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM10.300 10.300 13.500 13.500",
  sun: "M8 10.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600zM8 1.500v1.700M8 12.800v1.700M1.500 8h1.700M12.800 8h1.700M3.400 3.400l1.200 1.200M11.400 11.400l1.200 1.200M12.600 3.400l-1.200 1.200M4.600 11.400l-1.200 1.200",
  auto: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5h4.800M8 8h6M8 11h4.800",
  warn: "M8 2.500 14 13H2zM8 6.500v3M8 11.200v.1",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.800V8l2.200 1.600",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration only: the button or text beside it has the words. */
export function icon(name: IconName): SVGElement {
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}

/** The sign of KeepBoth: two circles, both there. */
export function sign(): SVGElement {
  return svg(
    "svg",
    { class: "sign", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("circle", { class: "sign-one", cx: 6, cy: 8, r: 5 }),
    svg("circle", { class: "sign-two", cx: 10, cy: 8, r: 5 }),
  );
}
