/** The whole history as lanes with a playhead: one lane a person, marks for collisions and named versions. */

import { h, styled, svg } from "../ui/h";
import { exact } from "../ui/time";
import type { Mark, Stretch, Timeline } from "./api";
import { type Lane, lanesOf, lanePath } from "./lanes";
import type { Palette } from "./palette";
import type { Scale } from "./scale";

export interface ScrubberActions {
  /** Go to a moment; `settled` is false while it is dragged. */
  go(moment: number, settled: boolean): void;
  pick(mark: Mark): void;
  join(stretch: Stretch): void;
  play(): void;
}

export interface Scrubber {
  element: HTMLElement;
  /** Move the playhead; `second` is the other end of a comparison. */
  at(moment: number, second: number | null): void;
  focus(): void;
}

const NEAR_PX = 12;

/** More lanes than these are lower. */
const FEW = 6;

export function scrubber(timeline: Timeline, scale: Scale, palette: Palette, actions: ScrubberActions): Scrubber {
  const lanes = lanesOf(timeline, palette);
  const head = h("div.scrub-head", { "aria-hidden": "true" });
  const other = h("div.scrub-head.scrub-second", { "aria-hidden": "true", hidden: true });
  const slider = h(
    "div.scrub-plot",
    {
      role: "slider",
      tabindex: 0,
      "aria-label": "Moment",
      "aria-valuemin": scale.first,
      "aria-valuemax": scale.last,
      "aria-describedby": "scrub-keys",
    },
    h("div.scrub-lanes", null, lanes.map((lane) => drawLane(lane, timeline, scale))),
    other,
    head,
  );
  let now = scale.last;

  const placeOf = (event: PointerEvent): number => {
    const box = slider.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  slider.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    slider.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true });
    actions.go(scale.moment(placeOf(event)), false);
  });
  slider.addEventListener("pointermove", (event) => {
    if (slider.hasPointerCapture(event.pointerId)) actions.go(scale.moment(placeOf(event)), false);
  });
  slider.addEventListener("pointerup", (event) => {
    if (slider.hasPointerCapture(event.pointerId)) actions.go(scale.moment(placeOf(event)), true);
  });
  slider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = target(event);
    if (to === undefined) return;
    event.preventDefault();
    if (to === "play") actions.play();
    else actions.go(to, true);
  });

  const target = (event: KeyboardEvent): number | "play" | undefined => {
    const far = event.shiftKey ? 10 : 1;
    switch (event.key) {
      case "ArrowLeft":
      case "ArrowDown":
        return scale.step(now, -far);
      case "ArrowRight":
      case "ArrowUp":
        return scale.step(now, far);
      case "PageUp":
        return scale.stop(now, 1);
      case "PageDown":
        return scale.stop(now, -1);
      case "Home":
        return scale.first;
      case "End":
        return scale.last;
      case " ":
        return "play";
      default:
        return undefined;
    }
  };

  const names = lanes.map((lane) =>
    h("li.scrub-name", { class: lane.hue === null ? null : `by-${lane.hue}` }, h("bdi", null, lane.name), h("span.soft.small", null, lane.edits.toLocaleString("en"))),
  );
  const element = h(
    "div.scrub",
    { class: lanes.length > FEW ? "scrub-low" : null },
    h("p.sr-only", { id: "scrub-keys" }, "Arrow keys: one edit. With Shift: ten. Page keys: to where somebody had finished something. Space: play."),
    h("ul.scrub-names", { "aria-label": "Edits by person" }, names),
    h("div.scrub-field", null, slider, joins(timeline, scale, lanes, actions)),
    marksRow(timeline, scale, actions),
    bundled(timeline),
    h("p.scrub-ends.small.soft", { "aria-hidden": "true" }, ends(scale).map((text) => h("span", null, text))),
  );
  return {
    element,
    at(moment, second) {
      now = moment;
      styled(head, { left: `${scale.place(moment) * 100}%` });
      other.hidden = second === null;
      if (second !== null) styled(other, { left: `${scale.place(second) * 100}%` });
      const time = scale.time(moment);
      const when = time === null ? "before the first edit" : exact(time);
      slider.setAttribute("aria-valuenow", String(moment));
      slider.setAttribute("aria-valuetext", scale.axis === "written" ? when : `${moment} of ${scale.last}, ${when}`);
    },
    focus: () => slider.focus(),
  };
}

/** Near the end of the axis the name stands before its place: it must not leave the page. */
function flag(name: string, place: number): HTMLElement {
  return styled(h("span.flag", { title: name, class: place > 0.6 ? "flag-before" : null }, name), { left: `${place * 100}%` });
}

function ends(scale: Scale): string[] {
  const first = scale.time(scale.axis === "written" ? scale.first + 1 : 1);
  const last = scale.time(scale.last);
  return [first === null ? "" : exact(first), last === null ? "" : exact(last)];
}

function drawLane(lane: Lane, timeline: Timeline, scale: Scale): SVGElement {
  const away = lane.stretches.map((one) => {
    const [from, to] = awayPlaces(one, timeline, scale);
    return svg("path", { class: "lane-away", d: lanePath(from * 1000, to * 1000), "vector-effect": "non-scaling-stroke" });
  });
  return svg(
    "svg",
    { class: `lane ${lane.hue === null ? "lane-rest" : `by-${lane.hue}`}`, viewBox: "0 0 1000 24", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "lane-line", d: `M${lane.from * 1000} 23H${lane.to * 1000}`, "vector-effect": "non-scaling-stroke" }),
    svg("path", { class: "lane-bars", d: lane.bars }),
    away,
  );
}

/** From where somebody had parted from the others to where their edits came. */
function awayPlaces(one: Stretch, timeline: Timeline, scale: Scale): [number, number] {
  if (timeline.axis === "written") return [scale.place(Date.parse(one.written_first)), scale.place(Date.parse(one.written_last))];
  return [scale.place(one.seen_revision ?? one.first_revision), scale.place(one.first_revision)];
}

function joins(timeline: Timeline, scale: Scale, lanes: readonly Lane[], actions: ScrubberActions): HTMLElement | null {
  if (timeline.axis === "written" || !timeline.stretches.length) return null;
  const names = new Map(timeline.people.map((one) => [one.actor, one.name]));
  const last = timeline.stretches.slice(-50);
  return h(
    "div.scrub-joins",
    null,
    last.map((one) => {
      const words = `${names.get(one.actor) ?? "Somebody"}’s ${one.edits === 1 ? "edit arrives" : `${one.edits} edits arrive`}`;
      const button = h("button.scrub-join", { type: "button", title: words, "aria-label": `${words}: just before or just after`, onclick: () => actions.join(one) });
      const lane = lanes.findIndex(({ actor }) => actor === one.actor);
      return styled(button, { left: `${scale.place(one.first_revision) * 100}%`, "--lane": String(lane < 0 ? lanes.length - 1 : lane) });
    }),
  );
}

function bundled({ axis, conflicts: { count, marks } }: Timeline): HTMLElement | null {
  const most = marks.reduce((highest, mark) => Math.max(highest, mark.count), 0);
  if (axis === "written" || most < 2) return null;
  return h("p.scrub-most.small.soft", null, `${count.toLocaleString("en")} collisions. A mark stands for up to ${most.toLocaleString("en")}: the higher, the more.`);
}

/** One path for all of them. Where a mark stands for several, it is the higher the more they are. */
function ticksPath(marks: readonly Mark[], most: number, scale: Scale): string {
  return marks
    .map((mark) => {
      const height = most > 1 ? 5 + 7 * (Math.log(mark.count) / Math.log(most)) : 12;
      return `M${Math.min(999, Math.round(scale.place(mark.revision) * 1000))} 0v${Math.round(height * 10) / 10}`;
    })
    .join("");
}

/** Ticks for collisions, flags for named versions. Pointers pick the nearest; keys have buttons of their own. */
function marksRow(timeline: Timeline, scale: Scale, actions: ScrubberActions): HTMLElement | null {
  const { marks } = timeline.conflicts;
  if (timeline.axis === "written" || (!marks.length && !timeline.versions.length)) return null;
  const most = marks.reduce((highest, mark) => Math.max(highest, mark.count), 0);
  const ticks = [true, false].map((hidden) =>
    svg("path", {
      class: hidden ? "tick tick-quiet" : "tick",
      d: ticksPath(marks.filter((mark) => mark.hidden === hidden), most, scale),
      "vector-effect": "non-scaling-stroke",
    }),
  );
  const row = h(
    "div.scrub-marks",
    { "aria-hidden": "true" },
    svg("svg", { class: "ticks", viewBox: "0 0 1000 12", preserveAspectRatio: "none" }, ticks),
    timeline.versions.map((one) =>
      flag(one.name, scale.place(one.revision)),
    ),
  );
  row.addEventListener("click", (event) => {
    const box = row.getBoundingClientRect();
    const at = event.clientX - box.left;
    const away = (revision: number): number => Math.abs(scale.place(revision) * box.width - at);
    const version = timeline.versions.find((one) => (event.target as HTMLElement).title === one.name);
    if (version) return actions.go(version.revision, true);
    const nearest = marks.length ? marks.reduce((one, two) => (away(two.revision) < away(one.revision) ? two : one)) : undefined;
    if (nearest && away(nearest.revision) <= NEAR_PX) actions.pick(nearest);
  });
  return row;
}
