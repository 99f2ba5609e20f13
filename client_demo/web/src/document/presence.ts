/** Who has a document open. */

import type { Awareness } from "y-protocols/awareness";

import { h } from "../ui/h";
import { avatar, colourOf, me } from "../ui/people";

const MOST = 5;

interface Here {
  name: string;
  color: string;
}

/** A mark for everybody who has the document open, oneself last. */
export function peopleHere(awareness: Awareness, leaving: AbortSignal): HTMLElement {
  const list = h("ul.here", { "aria-label": "People here" });
  let drawn = "";
  const show = (): void => {
    const others: Here[] = [];
    for (const [id, state] of awareness.getStates() as Map<number, { user?: { name?: unknown; color?: unknown } }>) {
      if (id === awareness.clientID) continue;
      const name = typeof state.user?.name === "string" && state.user.name ? state.user.name.slice(0, 60) : "A guest";
      const given = state.user?.color;
      others.push({ name, color: typeof given === "string" && /^#[0-9a-f]{6}$/i.test(given) ? given : colourOf(name) });
    }
    const self = me();
    const people = [...others.slice(0, MOST), { ...self, name: `${self.name} (you)` }];
    const more = others.length - MOST;
    const now = JSON.stringify([people, more]);
    if (now === drawn) return;
    drawn = now;
    list.replaceChildren(
      ...people.map((person) => h("li", null, avatar(person))),
      ...(more > 0 ? [h("li.chip", null, `${more} more`)] : []),
    );
  };
  awareness.on("change", show);
  leaving.addEventListener("abort", () => awareness.off("change", show));
  show();
  return list;
}
