/** Name a moment, or make the document say again what it said then, with a look at what that changes first. */

import { ApiError, newId } from "../api";
import { acting } from "../document/acting";
import { ask, field } from "../ui/dialog";
import { fill, h } from "../ui/h";
import { toast } from "../ui/toast";
import { type Cut, nameVersion, previewRevert, type Reverted, revert } from "./api";
import { changeList } from "./differences";

export function askName(document: string, cut: Cut, when: string): Promise<boolean> {
  return ask({
    title: "Name this moment",
    body: [h("p.soft", null, when), field("Name", { name: "name", required: true, maxlength: 200 }, "A name that is given again means the newer moment.")],
    confirm: "Name it",
    run: async (form) => {
      const name = String(form.get("name") ?? "").trim();
      if (!name) throw new Error("A name needs at least one character.");
      await nameVersion(document, cut, name, await acting(document));
      toast(`This moment is “${name}” now.`);
    },
  });
}

/** Shows what restoring changes, then does exactly that; if the document has moved on, shows what it changes now. */
export async function askRestore(document: string, cut: Cut, when: string): Promise<boolean> {
  let shown = await previewRevert(document, cut);
  if (!shown.changes.length) {
    toast("The document says that already.");
    return false;
  }
  const eventId = newId();
  const body = h("div.restore", null, preview(shown, when));
  return ask({
    title: "Restore this moment",
    body,
    confirm: "Restore",
    run: async () => {
      try {
        await revert(document, cut, shown.revision, eventId, await acting(document));
        toast("Restored as a new edit. Nothing of the history is gone.");
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "place-changed")) throw error;
        shown = await previewRevert(document, cut);
        fill(body, preview(shown, when));
        throw new Error("Somebody has changed the document meanwhile. This is what restoring changes now.");
      }
    },
  });
}

function preview(shown: Reverted, when: string): HTMLElement[] {
  const { counts } = shown;
  const said = counts ? [count(counts.inserted, "character comes back", "characters come back"), count(counts.deleted, "character goes", "characters go"), count(counts.keys, "key changes", "keys change")].filter(Boolean) : [];
  return [
    h("p", null, `The document will say again what it said ${when}. What others type meanwhile stays.`),
    h("p.small.soft", null, said.join(", ")),
    h("div.restore-changes", { tabindex: 0, "aria-label": "What changes" }, changeList(shown.changes)),
  ];
}

const count = (number: number, one: string, many: string): string =>
  number ? `${number.toLocaleString("en")} ${number === 1 ? one : many}` : "";
