/** One document: the editor, and where edits collided. */

import type { Conflict } from "../api";
import { actionsOn } from "../conflicts/actions";
import { announceReturns } from "../conflicts/announcing";
import { Board } from "../conflicts/board";
import { panelOf } from "../conflicts/panel";
import { actorOf, guest } from "../document/acting";
import { arrived, connect, type Connection } from "../document/connection";
import { peopleHere } from "../document/presence";
import { FIRST, type Root, rootsOf, typeAt } from "../document/roots";
import { type Address, documentPath, type OpenPage, setQuery } from "../router";
import "../styles/document.css";
import { renderCard } from "../ui/card";
import { documentHead } from "../ui/document_head";
import { me } from "../ui/people";
import { savedLight } from "../ui/saved_light";
import { h } from "../ui/h";
import { empty, failed, loading } from "../ui/states";
import { toast } from "../ui/toast";

/** Show where a collision is in the text, with `select` as the selection; false if it is not in the part that is shown. */
type Reveal = (conflict: Conflict, select: boolean) => boolean;

export const open: OpenPage = async (address, leaving) => {
  const name = address.page === "document" ? address.document : "";
  // Nearly every document has a text: its editor is on its way while the connection is made.
  void import("../document/text").catch(() => {});
  const connection = await connect(name, leaving);
  const { both, provider } = connection;
  const board = new Board(name, guest(both.session), leaving);
  void actorOf(name, both.session, leaving).then((actor) => board.as(actor), () => {});
  const place = h("section.place", { "aria-label": "Content" }, loading("Opening the document"));
  let reveal: Reveal = () => false;

  const panel = panelOf({
    board,
    open: (id) => setQuery({ conflict: id }),
    card: (conflict) =>
      renderCard(
        conflict,
        actionsOn(conflict, {
          acting: () => ({ session: both.session, name: me().name }),
          viewer: board.viewer,
          refresh: () => board.read(conflict.id),
          past: (revision) => documentPath(name, { view: "timeline", at: revision }),
          show: () => void (reveal(conflict, true) || toast("It is in another part of this document.")),
        }),
      ),
  });
  const show = (to: Address, focus: boolean): void => panel.show(to.query.get("conflict"), focus);
  const look = (id: string): void => {
    const known = board.known(id);
    if (known) reveal(known, false);
  };

  const fill = async (): Promise<void> => {
    try {
      await arrived(connection, leaving);
      reveal = await fillPlace(place, connection, address.query.get("root"), name, leaving);
      const at = new URLSearchParams(location.search).get("conflict");
      if (at && !leaving.aborted) reveal(await board.read(at), false);
    } catch (error) {
      if (!leaving.aborted && !place.querySelector(".sheet, .tree")) place.replaceChildren(failed(error, () => void fill()));
    }
  };
  void fill();
  provider.on("connection-error", () => {
    if (!leaving.aborted && place.querySelector(".state-loading")) place.replaceChildren(unreached());
  });
  announceReturns(board, (id) => setQuery({ conflict: id }));
  leaving.addEventListener("abort", both.on("conflicts", () => board.soon()));
  leaving.addEventListener("abort", both.on("receipts", () => board.soon()));
  void board.refresh();
  show(address, false);

  const beside = [savedLight(both, () => both.state === "offline", leaving).element, peopleHere(provider.awareness, leaving)];
  return {
    title: name,
    element: h("div", null, documentHead(name, "edit", beside), h("div.document", null, place, panel.element)),
    changed: (to) => {
      show(to, true);
      look(to.query.get("conflict") ?? "");
    },
  };
};

/** Put what the document holds into `place`; returns how to show a collision in it. */
async function fillPlace(
  place: HTMLElement,
  connection: Connection,
  wanted: string | null,
  name: string,
  leaving: AbortSignal,
): Promise<Reveal> {
  const { doc, provider, both } = connection;
  const roots = rootsOf(doc);
  const root = roots.find((one) => one.name === wanted) ?? roots[0] ?? FIRST;
  const type = typeAt(doc, root);
  const chooser = roots.length > 1 ? rootChooser(roots, root) : null;
  if (root.kind !== "text") {
    const { treeOf } = await import("../document/tree");
    place.replaceChildren(...(chooser ? [chooser] : []), treeOf(type, leaving));
    return () => false;
  }
  const { textEditor } = await import("../document/text");
  if (leaving.aborted) return () => false;
  const { element, reveal } = textEditor({
    text: doc.getText(root.name),
    awareness: provider.awareness,
    both,
    label: `Text of ${name}`,
    leaving,
    open: (id) => setQuery({ conflict: id }),
  });
  place.replaceChildren(...(chooser ? [chooser] : []), h("div.sheet.paper", null, element));
  return reveal;
}

function unreached(): HTMLElement {
  const element = empty("The server cannot be reached", h("p", null, "The document opens as soon as it is back."));
  element.classList.add("state-waiting");
  element.setAttribute("role", "status");
  return element;
}

function rootChooser(roots: readonly Root[], at: Root): HTMLElement {
  const select = h(
    "select.input",
    {
      onchange: () => {
        const url = new URL(location.href);
        url.searchParams.set("root", select.value);
        url.searchParams.delete("conflict");
        location.assign(url);
      },
    },
    roots.map(({ name, kind }) => h("option", { value: name, selected: name === at.name }, kind === "text" ? name : `${name} (${kind})`)),
  );
  return h("label.root-chooser", null, h("span.soft.small", null, "Part"), select);
}
