/** Says when the document has gone on since its course was read: looked at now and then, while the page is seen. */

import { documentDetail } from "../api";
import { h } from "../ui/h";
import type { Timeline } from "./api";

const EVERY_MS = 5_000;

/** A strip that is there once there is news; `show` reads the course again. */
export function news(name: string, timeline: Timeline, stop: AbortSignal, show: () => void): HTMLElement {
  const words = h("span");
  const strip = h("div.strip.news", { role: "status", hidden: true }, words, h("button.button.small", { type: "button", onclick: show }, "Show"));
  const checking = !timeline.conflicts.complete;
  const look = async (): Promise<void> => {
    if (document.visibilityState === "hidden") return;
    try {
      const { revision, conflicts } = await documentDetail(name, stop);
      const newer = revision - timeline.revision;
      const found = checking && conflicts.known_revision >= timeline.revision;
      if (!newer && !found) return;
      words.textContent = newer ? `${newer.toLocaleString("en")} newer ${newer === 1 ? "event" : "events"}.` : "All collisions are known now.";
      strip.hidden = false;
    } catch {
      // The server is away: the course that is shown stays true, and the next look may find it.
    }
  };
  const timer = setInterval(() => void look(), EVERY_MS);
  stop.addEventListener("abort", () => clearInterval(timer));
  return strip;
}
