/** Every event of one document, the newest first, and each as it is in the log. */

import { get } from "../api";
import { type Address, documentPath, link, type OpenPage, setQuery } from "../router";
import "../styles/events.css";
import { copyButton } from "../ui/copy";
import { documentHead } from "../ui/document_head";
import { h } from "../ui/h";
import { personName } from "../ui/people";
import { empty, failed, isUnknown, loading, unknownDocument } from "../ui/states";
import { timeAgo } from "../ui/time";

/** An event in the CloudEvents format, as far as it is looked at here. */
interface CloudEvent {
  id: string;
  type: string;
  time: string;
  docrevision: number;
  authid?: string;
  data?: Record<string, unknown>;
  data_base64?: string;
  disposition?: string;
  [attribute: string]: unknown;
}

const PAGE = 50;

/** Types of the server in people's words. */
const WORDS: Record<string, string> = {
  "edit.recorded": "Edit",
  "document.created": "Created",
  "document.renamed": "Renamed",
  "document.archived": "Archived",
  "document.restored": "Restored",
  "document.approved": "Approved",
  "document.reverted": "Reverted",
  "document.quiet": "Came to rest",
  "version.named": "Version named",
  "conflict.resolved": "Collision resolved",
  "conflict.reopened": "Collision opened again",
  "conflict.seen": "Collision seen",
  "session.joined": "Somebody joined",
};

const typeOf = (event: CloudEvent): string => event.type.replace(/^dev\.keepboth\./, "").replace(/\.v\d+$/, "");
const wordsOf = (type: string): string => WORDS[type] ?? type;

export const open: OpenPage = (address, leaving) => {
  const name = address.page === "document" ? address.document : "";
  const type = h("select.input", { "aria-label": "Type", onchange: () => setQuery({ type: type.value || null }) });
  const who = h("select.input", { "aria-label": "Who", onchange: () => setQuery({ actor: who.value || null }) });
  const list = h("ol.events", { reversed: true });
  const state = h("div");
  const more = h("button.button", { type: "button", hidden: true }, "Show more");
  const people = new Map<string, string>();
  const types = new Set<string>(Object.keys(WORDS));
  let reading = new AbortController();
  let query = address.query;

  const options = (): void => {
    type.replaceChildren(h("option", { value: "" }, "All types"), ...[...types].map((one) => h("option", { value: one }, wordsOf(one))));
    type.value = query.get("type") ?? "";
    const named = [...people].sort(([, one], [, other]) => one.localeCompare(other));
    who.replaceChildren(h("option", { value: "" }, "Anybody"), ...named.map(([actor, called]) => h("option", { value: actor }, called)));
    who.value = query.get("actor") ?? "";
  };

  const read = async (until: number | null): Promise<void> => {
    reading.abort();
    reading = new AbortController();
    const { signal } = reading;
    if (until === null) list.replaceChildren();
    state.replaceChildren(loading("Reading"));
    more.hidden = true;
    try {
      const page = await get<CloudEvent[]>(
        "/api/events",
        { document: name, reverse: true, limit: PAGE, types: query.get("type"), actors: query.get("actor"), until },
        signal,
      );
      for (const event of page) {
        types.add(typeOf(event));
        if (event.authid && !people.has(event.authid)) people.set(event.authid, event.authid);
      }
      options();
      list.append(...page.map((event) => rowOf(event, name, people)));
      const last = page.at(-1)?.docrevision ?? 1;
      more.hidden = page.length === 0 || last <= 1;
      more.onclick = () => void read(last - 1);
      state.replaceChildren(...(list.childElementCount ? [] : [empty("No event fits.")]));
    } catch (error) {
      if (!signal.aborted) state.replaceChildren(isUnknown(error) ? unknownDocument(name) : failed(error, () => void read(until)));
    }
  };

  leaving.addEventListener("abort", () => reading.abort());
  void names(name, people, leaving).finally(() => {
    if (leaving.aborted) return;
    types.clear();
    for (const one of Object.keys(WORDS)) types.add(one);
    void read(null);
  });
  options();
  return {
    title: `Events of ${name}`,
    element: h(
      "div",
      null,
      documentHead(name, "events"),
      h("form.event-filters", { role: "search", "aria-label": "Events", onsubmit: (event: Event) => event.preventDefault() }, type, who),
      h("div.paper.events-paper", null, list, state),
      h("p.centred-line", null, more),
    ),
    changed: (to: Address) => {
      query = to.query;
      options();
      void read(null);
    },
  };
};

/** What people's editors called them, by actor; a failure only costs the names. */
async function names(document: string, into: Map<string, string>, signal: AbortSignal): Promise<void> {
  try {
    const joined = await get<CloudEvent[]>("/api/events", { document, types: "session.joined", limit: 1000 }, signal);
    for (const { authid, data } of joined) {
      const called = data?.["name"];
      if (authid) into.set(authid, typeof called === "string" && called ? called : "A guest");
    }
  } catch {
    // Ids are shown then.
  }
}

function rowOf(event: CloudEvent, document: string, people: ReadonlyMap<string, string>): HTMLElement {
  const type = typeOf(event);
  const raw = h("div.event-raw");
  const details = h(
    "details",
    null,
    h(
      "summary.event-row",
      null,
      h("span.event-number", null, event.docrevision.toLocaleString("en")),
      h("span.event-type", null, wordsOf(type)),
      event.authid ? personName(people.get(event.authid) ?? event.authid) : h("span"),
      h("span.event-more.soft", null, aside(event, people.get(event.authid ?? ""))),
      timeAgo(event.time),
    ),
    raw,
  );
  details.addEventListener("toggle", () => {
    if (!details.open || raw.childNodes.length) return;
    const text = JSON.stringify(event, null, 2);
    raw.append(
      h("pre.code", { tabindex: 0, "aria-label": `Event ${event.docrevision}` }, text),
      h("p.actions", null, copyButton(text, "Copy"), link(documentPath(document, { view: "timeline", at: event.docrevision }), "See it on the timeline")),
    );
  });
  return h("li", { value: event.docrevision }, details);
}

/** What of an event is worth a word in its row. */
function aside(event: CloudEvent, called: string | undefined): string {
  const said = [event.data?.["title"], event.data?.["name"], event.data?.["choice"]].find((one) => typeof one === "string" && one !== called);
  const size = event.data_base64 ? `${bytes(Math.floor((event.data_base64.length * 3) / 4))}` : "";
  const waiting = event.disposition && event.disposition !== "ready" ? event.disposition : "";
  return [said, size, waiting].filter(Boolean).join(" · ");
}

const bytes = (count: number): string => (count < 1024 ? `${count} bytes` : `${(count / 1024).toFixed(1)} kB`);
