/** Who has a document open. */

import type { Awareness } from "y-protocols/awareness";

import { ask, field } from "../ui/dialog";
import { h } from "../ui/h";
import { avatar, colourOf, me, setMe } from "../ui/people";

const MOST = 5;

interface Here {
  name: string;
  color: string;
}

/** Pressing one's own mark changes one's name. */
function ownMark(self: Here, run: () => void): HTMLElement {
  const words = `You are ${self.name}. Change your name`;
  return h("button.avatar-button", { type: "button", "aria-label": words, title: words, onclick: run }, avatar(self));
}

/** The new name is told at once, and recorded with the next edit or decision. */
async function rename(awareness: Awareness): Promise<void> {
  const { name, color } = me();
  await ask({
    title: "Your name",
    body: field("Name", { name: "name", required: true, maxlength: 60, value: name }, "Others see it beside your cursor and what you write."),
    confirm: "Keep it",
    run: (form) => {
      const given = String(form.get("name") ?? "").trim();
      if (!given) throw new Error("A name needs at least one character.");
      setMe({ name: given, color });
      awareness.setLocalStateField("user", { name: given, color });
    },
  });
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
    const shown = others.slice(0, MOST);
    const more = others.length - MOST;
    const now = JSON.stringify([shown, self, more]);
    if (now === drawn) return;
    drawn = now;
    list.replaceChildren(
      ...shown.map((person) => h("li", null, avatar(person))),
      h("li", null, ownMark(self, () => void rename(awareness).then(again))),
      ...(more > 0 ? [h("li.chip", null, `${more} more`)] : []),
    );
  };
  const again = (): void => {
    show();
    list.querySelector("button")?.focus();
  };
  awareness.on("change", show);
  leaving.addEventListener("abort", () => awareness.off("change", show));
  show();
  return list;
}
