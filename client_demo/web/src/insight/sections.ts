/** What the page tells, one function a section: numbers in words, a chart, a table. */

import { documentPath, link } from "../router";
import type { Palette } from "../timeline/palette";
import { type Child, h } from "../ui/h";
import { span } from "../ui/time";
import { columns, numbers, shareBar } from "./charts";
import type { Activity, Churn, Collisions, Hot, Sessions, Surviving } from "./reductions";

export const count = (value: number): string => value.toLocaleString("en");
const percent = (share: number | null): string => (share === null ? "–" : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`);

function person(palette: Palette, actor: string): HTMLElement {
  const { name, hue } = palette.of(actor);
  return h("bdi.person", { class: `by-${hue}` }, name);
}

const FIRST = 10;

function table(caption: string, headings: readonly string[], rows: readonly HTMLElement[]): HTMLElement {
  const body = h("tbody", null, rows.slice(0, FIRST));
  const all = h("button.button.small", { type: "button", onclick: () => (body.append(...rows.slice(FIRST)), all.remove()) }, `Show all ${count(rows.length)}`);
  return h(
    "div.table-wrap",
    { tabindex: 0, role: "group", "aria-label": caption },
    h(
      "table.table",
      null,
      h("caption.sr-only", null, caption),
      h("thead", null, h("tr", null, headings.map((heading, at) => h("th", { scope: "col", class: at ? "number" : null }, heading)))),
      body,
    ),
    rows.length > FIRST && all,
  );
}

const cell = (...inside: Child[]): HTMLElement => h("td.number", null, inside);

/** Who wrote what is still there, and how much of what each wrote is. */
export function authorship(left: Surviving, churn: Churn, palette: Palette): HTMLElement[] {
  if (!left.total) return [h("p", null, "The document is empty now.")];
  const of = new Map(churn.authors.map((one) => [one.author, one]));
  const rows = left.authors.map(({ author, units, share }) => {
    const typed = of.get(author);
    return h(
      "tr",
      null,
      h(
        "th.wide",
        { scope: "row" },
        h("span.whose", null, person(palette, author), h("span.soft", null, percent(share))),
        shareBar({ share: share ?? 0, class: `by-${palette.of(author).hue}` }),
      ),
      cell(count(units)),
      cell(typed ? count(typed.typed) : "–"),
      cell(typed ? percent(typed.kept_share) : "–"),
      cell(typed ? count(typed.deleted_by_others) : "–"),
    );
  });
  return [
    h("p", null, `${count(left.total)} characters are there now, of ${count(churn.typed)} that were ever written.`),
    table("Who wrote what is still there", ["Author, share", "There now", "Written", "Of it kept", "Deleted by others"], rows),
  ];
}

/** When people write: every day between the first and the last, and the hours of a day. */
export function activity(value: Activity): HTMLElement[] {
  const days = everyDay(value);
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last) return [h("p", null, "Nobody has written yet.")];
  const most = days.reduce((one, two) => (two.edits > one.edits ? two : one));
  const busiest = value.hours.reduce((one, two) => (two.edits > one.edits ? two : one));
  const active = value.days.filter(({ edits }) => edits).length;
  return [
    h("p", null, `${count(value.edits)} ${value.edits === 1 ? "edit" : "edits"} on ${count(active)} ${active === 1 ? "day" : "days"}; most of them between ${busiest.hour}:00 and ${busiest.hour}:59 (UTC).`),
    days.length > 1
      ? h("div", null, h("h3", null, "By day"), columns(days.map(({ day, edits }) => ({ label: `${day}: ${count(edits)}`, value: edits })), [first.day, last.day], `Most: ${count(most.edits)}, on ${most.day}`))
      : null,
    h("div", null, h("h3", null, "By hour of the day"), columns(value.hours.map(({ hour, edits }) => ({ label: `${hour}:00: ${count(edits)}`, value: edits })), ["00:00", "23:59"], `Most: ${count(busiest.edits)}, from ${busiest.hour}:00 (UTC)`)),
    numbers("Edits by day", ["Day", "Edits"], value.days.map(({ day, edits }) => [day, count(edits)])),
    numbers("Edits by hour", ["Hour (UTC)", "Edits"], value.hours.map(({ hour, edits }) => [`${hour}:00`, count(edits)])),
  ].filter((one) => one !== null);
}

const MOST_DAYS = 1100;

/** Days without edits in between count as such; of more than three years only days with edits. */
function everyDay(value: Activity): Activity["days"] {
  const known = new Map(value.days.map(({ day, edits }) => [day, edits]));
  const [first, last] = [value.days[0]?.day, value.days.at(-1)?.day];
  if (!first || !last) return [];
  const between = (Date.parse(last) - Date.parse(first)) / 86_400_000;
  if (between > MOST_DAYS) return value.days;
  return Array.from({ length: between + 1 }, (_, at) => {
    const day = new Date(Date.parse(first) + at * 86_400_000).toISOString().slice(0, 10);
    return { day, edits: known.get(day) ?? 0 };
  });
}

export function sessions(value: Sessions, palette: Palette): HTMLElement[] {
  const rows = [...value.actors]
    .sort((one, two) => two.edits - one.edits)
    .map((one) =>
      h("tr", null, h("th.wide", { scope: "row" }, person(palette, one.actor)), cell(count(one.edits)), cell(count(one.sessions)), cell(span(one.seconds * 1000)), cell(one.longest_s === null ? "–" : span(one.longest_s * 1000))),
    );
  return [h("p.soft", null, "A stay ends where 30 minutes pass without an edit."), table("How long people stay", ["Person", "Edits", "Stays", "In\u00a0all", "Longest"], rows)];
}

/** The reducer gives the first 80 characters of a line. */
const GIVEN = 80;

/** The beginning of a line, cut at a word. */
function excerpt(text: string): string {
  if (!text) return "(nothing of it is left)";
  if ([...text].length < GIVEN) return text;
  const short = text.replace(/\s+\S*$/u, "");
  return `${(short.length > GIVEN / 2 ? short : text).replace(/[\s.,;:!?…]+$/u, "")}…`;
}

export function hot(value: Hot): HTMLElement[] {
  const most = Math.max(1, ...value.hottest.map(({ heat }) => heat));
  const rows = value.hottest.slice(0, 10).map((one) =>
    h(
      "tr",
      null,
      h("th.wide", { scope: "row" }, h("span.excerpt", { dir: "auto" }, excerpt(one.text)), shareBar({ share: one.heat / most, class: "" })),
      cell(count(one.typed)),
      cell(count(one.deleted)),
      cell(count(one.authors)),
    ),
  );
  return [
    h("p.soft", null, `The lines where most was written and deleted, of ${count(value.passages)}.`),
    table("Where people work most", ["Line", "Written", "Deleted", "People"], rows),
  ];
}

/** What became of collisions, in the words of the cards; the keys are those of docs/conflicts.md. */
const OUTCOMES: Record<string, string> = {
  lost: "Text missing",
  "both-rewrote": "Both rewrote the same",
  "same-gap": "Both kept, side by side",
  duplicated: "Shown twice",
  orphaned: "Stray words",
  "formatting-lost": "Formats met",
  "both-removed": "Both deleted there",
  agreed: "Both did the same",
};

export function collisions(value: Collisions, document: string): HTMLElement[] {
  const path = documentPath(document);
  if (!value.collisions && !value.possible) return [h("p", null, `No collisions in ${count(value.edits)} ${value.edits === 1 ? "edit" : "edits"}. Overlapping edits will appear here.`)];
  const rows = Object.entries(value.severities)
    .sort((one, two) => two[1] - one[1])
    .map(([kind, number]) => h("tr", null, h("th.wide", { scope: "row" }, OUTCOMES[kind] ?? kind, shareBar({ share: number / value.collisions, class: "" })), cell(count(number))));
  return [
    h("p", null, `${count(value.collisions)} in ${count(value.edits)} edits`, value.per_1000_edits !== null && `: ${value.per_1000_edits.toLocaleString("en")} for every 1,000`, value.possible > 0 && `. ${count(value.possible)} more may have happened: an editor did not report what it had seen`, ". ", link(path, "Look at them")),
    rows.length ? table("What became of collisions", ["Outcome", "Collisions"], rows) : h("span"),
  ];
}
