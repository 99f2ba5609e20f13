/** Whether what was typed is on the server's disk: green only then. */

import type { KeepBoth } from "keepboth";

import { fill, h } from "./h";

/** `away`: the person has chosen to be offline. Call `show` when that changes; the rest it hears itself. */
export function savedLight(both: KeepBoth, away: () => boolean = () => false, leaving?: AbortSignal): { element: HTMLElement; show: () => void } {
  const words = h("span");
  const element = h("span.light", { role: "status" }, h("span.light-dot", { "aria-hidden": "true" }), words);
  const show = (): void => {
    const { waiting, state } = both;
    const [tone, text] = away()
      ? ["off", `Offline, ${waiting.toLocaleString("en")} waiting`]
      : state === "refused"
        ? ["off", `Disconnected by the server, ${waiting.toLocaleString("en")} waiting`]
      : !navigator.onLine
          ? ["off", `Offline, ${waiting.toLocaleString("en")} waiting`]
      : state !== "online"
        ? ["off", waiting ? `Connecting, ${waiting.toLocaleString("en")} waiting` : "Connecting…"]
        : waiting
          ? ["busy", "Saving…"]
          : ["good", "Saved"];
    if (words.textContent === text) return;
    element.dataset["tone"] = tone;
    fill(words, text);
  };
  both.on("change", show);
  const until = leaving ? { signal: leaving } : {};
  addEventListener("online", show, until);
  addEventListener("offline", show, until);
  show();
  return { element, show };
}
