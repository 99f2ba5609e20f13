/** The timeline's parts put together: what is looked at decides everything else, and the address follows it. */

import { documentPath, setQuery } from "../router";
import { fill, h } from "../ui/h";
import { failed } from "../ui/states";
import { exact } from "../ui/time";
import { toast } from "../ui/toast";
import { blame, compare, type Cut, lastEvent, type Stretch, type Timeline } from "./api";
import { collision, collisionPanel } from "./collision";
import { controls } from "./controls";
import { differences } from "./differences";
import type { Drawn, Side } from "./drawn";
import { type Look, lookQuery } from "./look";
import { type Found, keyOf, Moments, type Wish } from "./moments";
import { news } from "./news";
import { Palette } from "./palette";
import { player } from "./player";
import { mainText, reader } from "./reader";
import { askName, askRestore } from "./restoring";
import { Scale } from "./scale";
import { scrubber } from "./scrubber";
import { type Step, Walk } from "./walk";

const SETTLED_MS = 180;

/** What an event was, behind the name of whoever did it. */
const DID: Record<string, string> = {
  "edit.recorded": "wrote",
  "document.created": "made the document",
  "document.renamed": "renamed the document",
  "document.archived": "archived the document",
  "document.restored": "took the document out of the archive",
  "document.approved": "approved the document",
  "document.reverted": "went back",
  "session.joined": "came",
  "version.named": "named a moment",
  "conflict.seen": "looked at a collision",
  "conflict.resolved": "resolved a collision",
  "conflict.reopened": "reopened a collision",
};

export interface Stage {
  element: HTMLElement;
  /** Follow the address. */
  look(next: Look): void;
  close(): void;
}

export interface Surroundings {
  leaving: AbortSignal;
  /** The history has grown: read it again. */
  reload(): void;
}

export function stage(name: string, timeline: Timeline, first: Look, { leaving, reload }: Surroundings): Stage {
  const scale = new Scale(timeline);
  const palette = new Palette(timeline.people, timeline.authors.flatMap((one) => one.actor ?? []));
  let look = first;
  let timer = 0;
  let beside = new AbortController();
  /** The collision that is open beside the text, once it is known where it met. */
  let open: { id: string; revision: number } | null = null;
  const closing = new AbortController();

  const text = reader();
  const caption = h("p.moment", { role: "status" });
  const panels = h("div.panels");
  const moments = new Moments(name, shown, (error) => fill(panels, failed(error, () => want())), leaving);
  const walk = new Walk(name, timeline.conflicts.marks, leaving);
  const play = player(timeline.worked_s, (place) => move(scale.moment(place), false), () => (bar.playing(false), settle()));
  const bar = controls(timeline, palette, {
    play: toggle,
    speed: (speed) => (play.speed = speed),
    step: (by) => go(scale.step(moment(), by)),
    stop: (by) => go(scale.stop(moment(), by)),
    mark: (by) => void nextMark(by),
    as: (actor) => change({ as: actor }),
    axis: (axis) => setQuery(lookQuery({ ...look, axis, at: null, second: null, as: null })),
    version: (revision) => go(revision),
    compare: (second) => change({ second }),
    pin: () => change({ second: moment() }),
    name: () => void askName(name, cutOf(moment()), when()).then((done) => done && reload()),
    restore: () => void restore(),
    link: () => void copyLink(),
  });
  const scrub = scrubber(timeline, scale, palette, {
    go: (to, settled) => (play.stop(), move(to, settled)),
    pick: (mark) => pick(mark),
    join: (stretch) => toggleJoin(stretch),
    play: toggle,
  });

  const moment = (): number => Math.min(look.at ?? scale.last, scale.last);
  const cutOf = (at: number): Cut => (scale.axis === "written" ? { authored: new Date(at).toISOString() } : { at });
  const wish = (at = moment()): Wish => ({ cut: cutOf(at), as: look.as });
  const secondMoment = (): number | null => (look.second === "now" ? scale.last : look.second);
  const when = (): string => {
    const time = scale.time(moment());
    return time === null ? "before the first edit" : `on ${exact(time)}`;
  };

  function want(): void {
    scrub.at(moment(), secondMoment());
    moments.want(wish());
  }

  /** To another moment; once `settled`, what takes longer follows, and the address. */
  function move(to: number, settled: boolean): void {
    look = { ...look, at: to >= scale.last ? null : to };
    want();
    clearTimeout(timer);
    beside.abort();
    if (settled) timer = window.setTimeout(settle, SETTLED_MS);
  }

  function go(to: number): void {
    play.stop();
    move(to, true);
  }

  function change(part: Partial<Look>): void {
    look = { ...look, ...part };
    bar.look(look);
    want();
    settle();
  }

  /** The address, and everything beside the text that belongs to the moment. */
  function settle(): void {
    clearTimeout(timer);
    setQuery(lookQuery(look), { replace: true });
    beside.abort();
    beside = new AbortController();
    const { signal } = beside;
    bar.look(look);
    void tell(signal);
    void panel(signal);
    const at = moment();
    moments.prefetch([scale.step(at, 1), scale.step(at, -1), scale.stop(at, 1), scale.stop(at, -1)].map(wish));
  }

  let last: Found | undefined;
  function shown(found: Found): void {
    last = found;
    text.show(found.state);
    text.element.dataset["at"] = String(Object.values(found.wish.cut)[0]);
    drawDifferences();
    if (keyOf(found.wish) === keyOf(wish()) && !play.playing) void colour(found);
  }

  /** What was compared with the moment `key`; drawn in its text as soon as that is shown. */
  let compared: (Drawn & { key: string }) | null = null;
  function drawDifferences(): void {
    text.compare(compared && last && keyOf(last.wish) === compared.key ? compared : null);
  }

  let colouring = new AbortController();
  async function colour(found: Found): Promise<void> {
    colouring.abort();
    colouring = new AbortController();
    const { signal } = colouring;
    if (!found.state || !mainText(found.state)) return;
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
    if (signal.aborted || last !== found) return;
    try {
      const { spans } = await blame(name, found.cut, signal);
      if (last === found && !signal.aborted) text.colour(spans, palette);
    } catch (error) {
      if (!signal.aborted) toast(`Who wrote what could not be read: ${error instanceof Error ? error.message : String(error)}`, { error: true });
    }
  }

  /** Which edit the moment is, by whom and when. */
  async function tell(signal: AbortSignal): Promise<void> {
    const at = moment();
    const seen = look.as === null ? "" : `, as ${palette.of(look.as).name} saw it`;
    if (scale.axis === "written") return fill(caption, h("b", null, exact(at)), ` by the clocks of those who wrote${seen}`);
    if (at === 0) return fill(caption, h("b", null, "Before the first edit"));
    fill(caption, h("b", null, at.toLocaleString("en")), ` of ${scale.last.toLocaleString("en")}${seen}`);
    try {
      const event = await lastEvent(name, at, {}, signal);
      if (!event || signal.aborted) return;
      const author = palette.of(event.authid);
      const did = DID[event.type.replace(/^dev\.keepboth\.(.*)\.v1$/, "$1")] ?? "did something";
      caption.append(" · ", h("bdi.person", { class: `by-${author.hue}` }, author.name), ` ${did} · ${exact(Date.parse(event.time))}`);
    } catch {
      // The caption says which edit it is; when and by whom follows with the next.
    }
  }

  /** The collision, and what differs from the second moment. */
  async function panel(signal: AbortSignal): Promise<void> {
    const second = secondMoment();
    if (second === null && compared) {
      compared = null;
      drawDifferences();
    }
    if (look.collision === null && second === null) return fill(panels);
    try {
      const parts: HTMLElement[] = [];
      if (look.collision !== null) {
        const met = await collision(name, look.collision, signal);
        open = { id: met.conflict.id, revision: met.met };
        const nth = await walk.nth(met.conflict.id, met.met);
        if (signal.aborted) return;
        parts.push(
          collisionPanel(name, met, [nth, timeline.conflicts.count], {
            before: () => change({ at: met.before, as: null }),
            after: () => change({ at: met.after, as: null }),
            screen: (actor, revision) => change({ at: revision, as: actor }),
            close: () => change({ collision: null }),
          }),
        );
      }
      if (second !== null) {
        const earlier = second >= moment();
        const [from, to] = earlier ? [wishCut(), cutOf(second)] : [cutOf(second), wishCut()];
        const key = keyOf(wish());
        const side: Side = earlier ? "before" : "after";
        const found = await compare(name, from, to, signal);
        if (signal.aborted) return;
        compared = { key, changes: found.changes, side };
        drawDifferences();
        const title = look.second === "now" ? "From this moment to now" : earlier ? "From this moment to the mark" : "From the mark to this moment";
        parts.push(h("section.panel", null, h("h2", null, title), differences(title, found, (one) => text.reveal(one, side))));
      }
      if (!signal.aborted) fill(panels, parts);
    } catch (error) {
      if (!signal.aborted) fill(panels, failed(error, () => settle()));
    }
  }

  const wishCut = (): Cut => (last && keyOf(last.wish) === keyOf(wish()) ? last.cut : cutOf(moment()));

  function pick(step: Step): void {
    open = { id: step.id, revision: step.revision };
    change({ collision: step.id, at: step.last_revision, as: null });
  }

  async function nextMark(by: 1 | -1): Promise<void> {
    const known = open?.id === look.collision ? open : null;
    try {
      const step = await (known ? walk.beside(known.id, known.revision, by) : walk.from(moment(), by));
      if (step) pick(step);
      else toast(by > 0 ? "There is no later collision." : "There is no earlier collision.");
    } catch (error) {
      if (!leaving.aborted) toast(error instanceof Error ? error.message : String(error), { error: true });
    }
  }

  function toggleJoin(stretch: Stretch): void {
    const before = stretch.first_revision - 1;
    go(moment() === before ? stretch.last_revision : before);
  }

  function toggle(): void {
    if (play.playing) return play.stop();
    beside.abort();
    bar.playing(true);
    play.start(scale.place(moment()));
  }

  async function restore(): Promise<void> {
    try {
      if (await askRestore(name, wishCut(), when())) {
        look = { ...look, at: null };
        moments.forget();
        reload();
        setQuery(lookQuery(look), { replace: true });
      }
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), { error: true });
    }
  }

  async function copyLink(): Promise<void> {
    const url = new URL(documentPath(name, { view: "timeline", ...lookQuery({ ...look, at: moment() }) }), location.href);
    try {
      await navigator.clipboard.writeText(url.href);
      toast("The link to exactly this view is copied.");
    } catch {
      toast(url.href);
    }
  }

  bar.look(look);
  want();
  queueMicrotask(() => {
    const { signal } = beside;
    void tell(signal);
    void panel(signal);
  });
  return {
    element: h("div.stage", null, news(name, timeline, closing.signal, reload), scrub.element, bar.element, h("div.stage-body", null, h("section.stage-text", { "aria-label": "The document then" }, caption, text.element), panels)),
    look(next) {
      if (JSON.stringify(next) === JSON.stringify(look)) return;
      look = next;
      play.stop();
      bar.look(look);
      want();
      settle();
    },
    close() {
      clearTimeout(timer);
      play.stop();
      closing.abort();
      beside.abort();
      colouring.abort();
      text.destroy();
    },
  };
}
