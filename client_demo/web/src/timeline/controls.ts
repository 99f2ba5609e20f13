/** The row under the scrubber: play, step, whose eyes, what to compare with, named versions, restore. */

import { type Child, h } from "../ui/h";
import { icon } from "../ui/icons";
import type { Axis, Timeline } from "./api";
import type { Look } from "./look";
import type { Palette } from "./palette";
import { SPEEDS } from "./player";

export interface ControlActions {
  play(): void;
  speed(times: number): void;
  step(by: 1 | -1): void;
  stop(by: 1 | -1): void;
  mark(by: 1 | -1): void;
  as(actor: string | null): void;
  axis(axis: Axis): void;
  version(revision: number): void;
  compare(second: "now" | null): void;
  pin(): void;
  name(): void;
  restore(): void;
  link(): void;
}

export interface Controls {
  element: HTMLElement;
  look(look: Look): void;
  playing(playing: boolean): void;
}

export function controls(timeline: Timeline, palette: Palette, act: ControlActions): Controls {
  const play = h("button.button.primary.square", { type: "button", onclick: act.play, "aria-label": "Play" }, icon("play"));
  const people = timeline.people.map((one) => palette.of(one.actor));
  const as = choice("Seen by", ["", "everyone"], people.map((one) => [one.actor, one.name]), (value) => act.as(value || null));
  const axis = choice("Order", ["arrived", "as it arrived"], [["written", "as it was written"]], (value) => act.axis(value as Axis));
  const speed = choice("Speed", ["10", "10×"], SPEEDS.filter((one) => one !== 10).map((one) => [String(one), `${one}×`]), (value) => act.speed(Number(value)));
  sortNumbers(speed.select);
  const versions = choice("Version", ["", timeline.versions.length ? "choose…" : "none yet"], timeline.versions.map((one) => [String(one.revision), one.name]), (value) => {
    if (value) act.version(Number(value));
  });
  versions.select.disabled = !timeline.versions.length;
  const withNow = toggle("Compare with now", () => act.compare(withNow.getAttribute("aria-pressed") === "true" ? null : "now"));
  const withMark = toggle("Mark this moment", () => (withMark.getAttribute("aria-pressed") === "true" ? act.compare(null) : act.pin()));
  const button = (label: string, run: () => void, ...inside: Child[]): HTMLButtonElement =>
    h("button.button.small", { type: "button", onclick: run, "aria-label": inside.length ? label : null, title: inside.length ? label : null }, inside.length ? inside : label);
  const collisions = timeline.conflicts.marks.length > 0 && timeline.axis === "arrived";
  const element = h(
    "div.controls",
    null,
    h(
      "div.actions.move",
      { role: "group", "aria-label": "Move" },
      play,
      speed.element,
      button("One edit back", () => act.step(-1), "‹"),
      button("One edit on", () => act.step(1), "›"),
      button("To where somebody had finished, before", () => act.stop(-1), "«"),
      button("To where somebody had finished, after", () => act.stop(1), "»"),
      !timeline.conflicts.complete && h("span.small.soft", null, "Checking for collisions…"),
      collisions && button("Previous collision", () => act.mark(-1)),
      collisions && button("Next collision", () => act.mark(1)),
    ),
    h("div.actions.look", { role: "group", "aria-label": "Look" }, as.element, axis.element, versions.element),
    h("div.actions", { role: "group", "aria-label": "This moment" }, withNow, withMark, button("Name…", act.name), button("Restore…", act.restore), button("Copy link", act.link)),
  );
  return {
    element,
    look(look) {
      as.select.value = look.as ?? "";
      axis.select.value = look.axis;
      as.select.disabled = look.axis === "written";
      versions.select.value = String(timeline.versions.find((one) => one.revision === look.at)?.revision ?? "");
      withNow.setAttribute("aria-pressed", String(look.second === "now"));
      withMark.setAttribute("aria-pressed", String(typeof look.second === "number"));
      withMark.textContent = typeof look.second === "number" ? "Forget the mark" : "Mark this moment";
      withMark.disabled = look.axis === "written";
    },
    playing(playing) {
      play.setAttribute("aria-label", playing ? "Pause" : "Play");
      play.replaceChildren(icon(playing ? "pause" : "play"));
    },
  };
}

function toggle(label: string, run: () => void): HTMLButtonElement {
  return h("button.button.small.toggle", { type: "button", "aria-pressed": "false", onclick: run }, label);
}

function choice(label: string, first: readonly [string, string], others: readonly (readonly [string, string])[], run: (value: string) => void): { element: HTMLElement; select: HTMLSelectElement } {
  const select = h("select.select", { onchange: () => run(select.value) }, [first, ...others].map(([value, text]) => h("option", { value }, text)));
  return { element: h("label.choice", null, h("span", null, label), select), select };
}

function sortNumbers(select: HTMLSelectElement): void {
  const options = [...select.options].sort((one, two) => Number(one.value) - Number(two.value));
  const { value } = select;
  select.replaceChildren(...options);
  select.value = value;
}
