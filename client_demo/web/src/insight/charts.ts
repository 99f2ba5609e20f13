/** Small charts in SVG. Each stands beside a table with the same numbers, so it is hidden from screen readers. */

import { h, svg } from "../ui/h";

export interface Bar {
  /** 0 to 1. */
  share: number;
  /** A class that sets `--person`, or "". */
  class: string;
}

/** One bar, its length a share of the whole: beside a number, in a table. */
export function shareBar({ share, class: colour }: Bar): SVGElement {
  return svg(
    "svg",
    { class: `share ${colour}`, viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "share-rest", width: 100, height: 8 }),
    svg("rect", { class: "share-part", width: Math.max(share > 0 ? 0.5 : 0, share * 100), height: 8 }),
  );
}

export interface Column {
  label: string;
  value: number;
}

/** Columns in a row, the tallest as high as there is room; `ends` stand below the first and the last. */
export function columns(values: readonly Column[], ends: readonly [string, string], most: string): HTMLElement {
  const top = Math.max(1, ...values.map(({ value }) => value));
  const step = 1000 / Math.max(1, values.length);
  const gap = values.length > 200 ? 0 : step * 0.2;
  const bars = values.map(({ value, label }, at) => {
    const height = value ? Math.max(1.5, (98 * value) / top) : 0;
    return svg("rect", { x: at * step + gap / 2, y: 100 - height, width: step - gap, height }, svg("title", null, label));
  });
  return h(
    "div.columns",
    { "aria-hidden": "true" },
    h("p.columns-most.small.soft", null, most),
    svg("svg", { class: "columns-plot", viewBox: "0 0 1000 100", preserveAspectRatio: "none" }, bars),
    h("p.columns-ends.small.soft", null, ends.map((end) => h("span", null, end))),
  );
}

/** The numbers of a chart, one row each, behind a line that opens. */
export function numbers(caption: string, headings: readonly [string, string], rows: readonly (readonly [string, string])[]): HTMLElement {
  return h(
    "details.numbers",
    null,
    h("summary", null, caption),
    h(
      "div.numbers-rows",
      { tabindex: 0, role: "group", "aria-label": caption },
      h(
        "table.table",
        null,
        h("caption.sr-only", null, caption),
        h("thead", null, h("tr", null, h("th", { scope: "col" }, headings[0]), h("th.number", { scope: "col" }, headings[1]))),
        h("tbody", null, rows.map(([name, value]) => h("tr", null, h("th", { scope: "row" }, name), h("td.number", null, value)))),
      ),
    ),
  );
}
