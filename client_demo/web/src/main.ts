import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/components.css";

import { address as addressOf } from "./api";
import { type Address, isReachable, link, parseAddress, startRouter, type View } from "./router";
import { documentHead } from "./ui/document_head";
import { h } from "./ui/h";
import { empty, failed, loading } from "./ui/states";
import { shell } from "./ui/shell";
import { applyTheme } from "./ui/theme";

applyTheme();

const frame = shell();
document.body.replaceChildren(frame.element);

let leave = new AbortController();
let shown: { key: string; view: View } | undefined;

/** Each page is a file of its own: what it needs is loaded when it is opened. */
async function open(address: Address, leaving: AbortSignal): Promise<View> {
  switch (address.page) {
    case "documents":
      return (await import("./pages/documents")).open(address, leaving);
    case "demo":
      return (await import("./pages/demo")).open(address, leaving);
    case "document":
      switch (address.query.get("view")) {
        case "timeline":
          return (await import("./pages/timeline")).open(address, leaving);
        case "insight":
          return (await import("./pages/insight")).open(address, leaving);
        case "events":
          return (await import("./pages/events")).open(address, leaving);
        default:
          if (!isReachable(address.document)) return unreachable(address.document);
          return (await import("./pages/document")).open(address, leaving);
      }
    case "lost":
      return { title: "Nothing here", element: empty("There is no such page.", homeButton()) };
  }
}

/** Browsers take `.` and `..` out of a socket's address too: other clients can open such a document, this one cannot. */
function unreachable(name: string): View {
  const state = addressOf("/api/state", { document: name });
  return {
    title: name,
    element: h(
      "div",
      null,
      documentHead(name, "edit"),
      empty(
        "A browser cannot open an editor for this name",
        h("p", null, "It has a part that is only dots, which browsers take out of every address. Its history is here all the same."),
        h("p", null, h("a", { href: state }, "What it says now")),
      ),
    ),
  };
}

function homeButton(): HTMLElement {
  const home = link("/", "All documents");
  home.className = "button";
  return home;
}

/** What makes a page another one: everything but the rest of the query. */
function keyOf(address: Address): string {
  return address.page === "document" ? `d ${address.query.get("view") ?? ""} ${address.document}` : address.page;
}

async function show(url: URL): Promise<void> {
  const address = parseAddress(url);
  const key = keyOf(address);
  frame.at(url.pathname);
  if (shown?.key === key && shown.view.changed) {
    shown.view.changed(address);
    return;
  }
  leave.abort();
  leave = new AbortController();
  const leaving = leave.signal;
  const first = shown === undefined;
  shown = undefined;
  frame.main.replaceChildren(loading("Opening"));
  try {
    const view = await open(address, leaving);
    if (leaving.aborted) return;
    shown = { key, view };
    frame.main.replaceChildren(view.element);
    document.title = view.title === "KeepBoth" ? view.title : `${view.title} · KeepBoth`;
    if (!first) {
      frame.main.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  } catch (error) {
    if (!leaving.aborted) frame.main.replaceChildren(failed(error, () => void show(url)));
  }
}

startRouter((url) => void show(url));
