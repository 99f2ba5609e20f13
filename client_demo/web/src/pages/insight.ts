/** Who wrote what is still there, when people write, where they work most, how often they collide. */

import "../styles/people.css";
import "../styles/insight.css";

import type { OpenPage } from "../router";
import { type Timeline, timeline } from "../timeline/api";
import { Palette } from "../timeline/palette";
import { documentHead } from "../ui/document_head";
import { fill, h } from "../ui/h";
import { empty, failed, isUnknown, loading, unknownDocument } from "../ui/states";
import { type Answers, reduced } from "../insight/reductions";
import { activity, authorship, collisions, hot, sessions } from "../insight/sections";

export const open: OpenPage = (address, leaving) => {
  const name = address.page === "document" ? address.document : "";
  const place = h("div.insight", null, loading("Reading the history"));
  const ask = <Name extends keyof Answers>(what: Name): Promise<Answers[Name]> => reduced(what, name, leaving);

  /** A section that reads by itself, and says so if it cannot. */
  const section = (title: string, read: () => Promise<HTMLElement[]>): HTMLElement => {
    const body = h("div.insight-body", null, loading("Counting"));
    const run = (): void => {
      fill(body, loading("Counting"));
      read().then(
        (parts) => !leaving.aborted && fill(body, parts),
        (error: unknown) => !leaving.aborted && fill(body, failed(error, run)),
      );
    };
    run();
    return h("section.insight-section", null, h("h2", null, title), body);
  };

  const load = async (): Promise<void> => {
    try {
      const found: Timeline = await timeline(name, "arrived", 1, leaving);
      if (leaving.aborted) return;
      if (!found.edits) return fill(place, empty("Nothing has been written yet.", h("p", null, "Once somebody writes, this page counts what came of it.")));
      const palette = new Palette(found.people, found.authors.flatMap((one) => one.actor ?? []));
      fill(
        place,
        section("Who wrote what is still there", async () => {
          const [left, churn] = [await ask("surviving"), await ask("churn")];
          return authorship(left, churn, palette);
        }),
        section("When people write", async () => activity(await ask("activity"))),
        section("Collisions", async () => collisions(await ask("collisions"), name)),
        section("How long people stay", async () => sessions(await ask("sessions"), palette)),
        section("Where people work most", async () => hot(await ask("hot"))),
      );
    } catch (error) {
      if (!leaving.aborted) fill(place, isUnknown(error) ? unknownDocument(name) : failed(error, () => void load()));
    }
  };
  void load();
  return { title: `Insight into ${name}`, element: h("div", null, documentHead(name, "insight"), place) };
};
