/** All documents: what changed last, who is there, where somebody should look. */

import { type ListedDocument, createDocument, documents, newId, renameDocument } from "../api";
import { acting } from "../document/acting";
import { documentPath, link, navigate, type OpenPage } from "../router";
import "../styles/documents.css";
import { ask, field } from "../ui/dialog";
import { bdi, h } from "../ui/h";
import { icon } from "../ui/icons";
import { avatar, colourOf } from "../ui/people";
import { empty, failed, loading } from "../ui/states";
import { timeAgo } from "../ui/time";

const PAGE = 50;
const MOST = 500;
const TYPING_MS = 200;
const REFRESH_MS = 5_000;
const FACES = 4;

export const open: OpenPage = async (_, leaving) => {
  const search = h("input.input", { type: "search", placeholder: "Search", "aria-label": "Search documents by name or title" });
  const create = h("button.button.primary", { type: "button", onclick: () => void newDocument() }, icon("plus"), "New document");
  const tools = h(
    "div.documents-tools",
    null,
    h("form.documents-search", { role: "search", onsubmit: (event: Event) => event.preventDefault() }, icon("search"), search),
    create,
  );
  const body = h("div", { "aria-live": "off" }, loading("Reading"));
  const said = h("p.sr-only", { role: "status" });
  let shown = PAGE;
  let drawn = "";
  let asked = 0;

  const read = async (): Promise<void> => {
    const number = ++asked;
    const contains = search.value.trim();
    try {
      const page = await documents({ contains, limit: Math.min(MOST, shown), sort: "newest" }, leaving);
      if (number !== asked) return;
      const now = JSON.stringify([page, contains]);
      if (now === drawn) return;
      const typed = drawn !== "" && !drawn.endsWith(JSON.stringify([contains]).slice(1));
      drawn = now;
      draw(page.documents, page.next !== null, contains);
      if (typed) said.textContent = `${page.documents.length}${page.next ? " or more" : ""} found`;
    } catch (error) {
      if (leaving.aborted || number !== asked) return;
      if (drawn === "" || !body.querySelector("table")) body.replaceChildren(failed(error, () => void read()));
    }
  };

  const draw = (found: readonly ListedDocument[], more: boolean, contains: string): void => {
    const nothingAtAll = !found.length && !contains;
    tools.hidden = nothingAtAll;
    if (nothingAtAll) body.replaceChildren(nothing());
    else if (!found.length) body.replaceChildren(empty(`No document has “${contains}” in its name or title.`));
    else {
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["of"] : undefined;
      body.replaceChildren(table(found, () => void read()), ...(more ? [moreButton()] : []));
      if (focused) body.querySelector<HTMLElement>(`[data-of="${CSS.escape(focused)}"]`)?.focus();
    }
  };

  const moreButton = (): HTMLElement =>
    h(
      "p.documents-more",
      null,
      shown < MOST
        ? h("button.button", { type: "button", "data-of": "more", onclick: () => ((shown += PAGE * 2), void read()) }, "Show more")
        : h("span.soft", null, `The newest ${MOST}. Search finds the others.`),
    );

  let typing: ReturnType<typeof setTimeout> | undefined;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    shown = PAGE;
    typing = setTimeout(() => void read(), TYPING_MS);
  });
  const timer = setInterval(() => {
    if (document.visibilityState === "visible" && !document.querySelector("dialog[open]")) void read();
  }, REFRESH_MS);
  leaving.addEventListener("abort", () => (clearInterval(timer), clearTimeout(typing)));
  await read();
  return { title: "KeepBoth", element: h("div", null, h("div.documents-head", null, h("h1", null, "Documents"), tools), said, body) };
};

function nothing(): HTMLElement {
  const demo = link("/demo", "See a collision (1 min)");
  demo.className = "button primary";
  const make = h("button.button", { type: "button", onclick: () => void newDocument() }, "New document");
  const connect = h("button.button", { type: "button", onclick: () => void howToConnect() }, "Connect your editor");
  return empty("No documents yet.", h("div.actions.centred", null, demo, make, connect));
}

async function newDocument(): Promise<void> {
  let made = "";
  const done = await ask({
    title: "New document",
    body: field("Name", { name: "name", required: true, maxlength: 400, placeholder: "plans/2026" }, "Slashes are fine."),
    confirm: "Create",
    run: async (form) => {
      made = String(form.get("name") ?? "").trim();
      if (!made) throw new Error("A document needs a name.");
      await createDocument(made, {}, newId(), await acting(made));
    },
  });
  if (done) navigate(documentPath(made));
}

async function howToConnect(): Promise<void> {
  const code = `new WebsocketProvider("${location.origin.replace(/^http/, "ws")}/ws", "my-document", ydoc)`;
  await ask({
    title: "Connect your editor",
    body: [
      h("p", null, "Any editor that speaks y-websocket writes into KeepBoth. This line is all there is:"),
      h("pre.code", { tabindex: 0, "aria-label": "The line" }, h("code", null, code)),
    ],
    confirm: "Copy",
    run: () => navigator.clipboard?.writeText(code),
  });
}

async function rename(one: ListedDocument, changed: () => void): Promise<void> {
  const done = await ask({
    title: "Rename",
    body: field("Title", { name: "title", required: true, maxlength: 200, value: one.title ?? one.document }, `Links keep to the name ${one.document}.`),
    confirm: "Rename",
    run: async (form) => {
      const title = String(form.get("title") ?? "").trim();
      if (!title) throw new Error("A title needs some text.");
      await renameDocument(one.document, title, one.revision, await acting(one.document));
    },
  });
  if (done) changed();
}

function table(found: readonly ListedDocument[], changed: () => void): HTMLElement {
  const column = (name: string, kind: "" | ".number" = ""): HTMLElement => h(`th${kind}` as "th", { scope: "col" }, name);
  return h(
    "div.paper.documents-paper",
    null,
    h(
      "table.table.documents",
      null,
      h("thead", null, h("tr", null, column("Name"), column("To look at", ".number"), column("Here now"), column("Edits", ".number"), column("Changed"), h("th", null, h("span.sr-only", null, "Rename")))),
      h("tbody", null, found.map((one) => row(one, changed))),
    ),
  );
}

function row(one: ListedDocument, changed: () => void): HTMLElement {
  const named = one.title ?? one.document;
  const to = link(documentPath(one.document), bdi(named));
  to.dataset["of"] = `link ${one.document}`;
  return h(
    "tr",
    null,
    h(
      "td.wide",
      null,
      to,
      one.archived && h("span.chip", null, "Archived"),
      one.title !== null && one.title !== one.document && h("div.soft.small", null, bdi(one.document)),
    ),
    h("td.number.look", null, one.open > 0 ? h("span.chip.warn", null, one.open.toLocaleString("en"), h("span.narrow", null, " to look at")) : h("span.soft", null, "0")),
    h("td.faces", null, faces(one.present)),
    h("td.number.edits", null, one.edits.toLocaleString("en"), h("span.narrow", null, one.edits === 1 ? " edit" : " edits")),
    h("td.changed", null, timeAgo(one.updated_at)),
    h(
      "td.act",
      null,
      h(
        "button.button.quiet.square",
        { type: "button", "aria-label": `Rename ${named}`, title: "Rename", "data-of": `rename ${one.document}`, onclick: () => void rename(one, changed) },
        icon("edit"),
      ),
    ),
  );
}

function faces(present: ListedDocument["present"]): HTMLElement | null {
  if (!present.length) return null;
  const drawn = present.slice(0, FACES).map(({ name, color }) => {
    const called = name ?? "A guest";
    return h("li", null, avatar({ name: called, color: color && /^#[0-9a-f]{6}$/i.test(color) ? color : colourOf(called) }));
  });
  return h("ul.here", { "aria-label": "Here now" }, drawn, present.length > FACES && h("li.soft.small", null, `+${present.length - FACES}`));
}
