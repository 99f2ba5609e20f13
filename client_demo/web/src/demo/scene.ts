/** The demo's page: the steps, the two editors, and between them the card of what collided. */

import type { ConflictEntry, ConflictNews } from "keepboth";

import { actionsOn } from "../conflicts/actions";
import { conflictDetail } from "../conflicts/wire";
import type { Conflict } from "../api";
import { documentPath, encodeName, link } from "../router";
import { renderCard } from "../ui/card";
import { copyButton } from "../ui/copy";
import { h } from "../ui/h";
import { icon } from "../ui/icons";
import { COLOURS, type Person } from "../ui/people";
import { openPane, type Pane } from "./pane";
import { steps } from "./steps";
import { perform, PHRASE, select, SUGGESTIONS } from "./typing";

const ANN: Person = { name: "Ann", color: COLOURS[0] };
const BOB: Person = { name: "Bob", color: COLOURS[1] };
const QUIET_MS = 4_000;

export async function scene(document: string, leaving: AbortSignal, again: () => void): Promise<HTMLElement> {
  let shown: string | null = null;
  let typing = false;
  let met = false;
  let returned = false;
  /** Edits by each of the two since somebody is away. */
  const edits = [0, 0];
  let quiet: ReturnType<typeof setTimeout> | undefined;

  let started = false;
  let asked = 0;
  let answered = 0;

  const change = (): void => {
    if (started) queueMicrotask(show);
  };
  const openConflict = (id: string): void => {
    void present(id).then(focusCard);
  };
  const panes = await Promise.all([ANN, BOB].map((person) => openPane(document, person, change, openConflict)));
  const [ann, bob] = panes as [Pane, Pane];
  const close = (): void => {
    clearTimeout(quiet);
    for (const pane of panes) pane.close();
  };
  leaving.addEventListener("abort", close);
  if (leaving.aborted) close();

  // -- what to try ---------------------------------------------------------------------------------------------------

  let chosen = SUGGESTIONS[0];
  const choices = SUGGESTIONS.map((suggestion, at) =>
    h(
      "label.suggestion",
      null,
      h("input", { type: "radio", name: "suggestion", checked: at === 0, onchange: () => (chosen = suggestion) }),
      h("span", null, suggestion.name),
    ),
  );
  const suggestions = h("fieldset.suggestions", null, h("legend", null, "What to try"), choices);

  const typeForMe = async (): Promise<void> => {
    if (typing || !chosen) return;
    typing = true;
    await Promise.all([perform(ann.view, chosen.ann, leaving), perform(bob.view, chosen.bob, leaving)]);
    typing = false;
    show();
  };

  const comeBack = (): void => {
    for (const pane of panes) if (pane.away) pane.comeBack();
    // Nothing may have met: say so, when everything has arrived and been looked at.
    clearTimeout(quiet);
    quiet = setTimeout(() => ((returned = !met), show()), QUIET_MS);
  };

  const guide = steps([
    {
      title: "Somebody loses the connection",
      hint: "Ann goes on writing; nothing of it gets out.",
      done: "Ann went on writing; nothing of it got out.",
      action: {
        label: "Take Ann offline",
        run: () => {
          edits.fill(0);
          met = returned = false;
          between.hidden = true;
          stage.classList.remove("has-card");
          shown = null;
          ann.goAway();
          select(ann.view, PHRASE);
          select(bob.view, PHRASE);
        },
      },
    },
    {
      title: "Both change the same sentence",
      hint: "Type over what is selected in both editors, or let it be typed.",
      done: "Neither of them saw what the other wrote.",
      action: { label: "Type for me", run: () => void typeForMe() },
    },
    {
      title: "The connection is back",
      hint: "Both edits are taken. None is refused.",
      done: "Both edits were taken. None was refused.",
      action: { label: "Bring Ann back", run: comeBack },
    },
    {
      title: "Look and choose",
      hint: "Everybody who has the document open sees the same.",
      done: "Everybody who has the document open sees the same.",
      action: { label: "Go to the choices", run: () => focusCard() },
    },
  ]);
  const said = h("p.demo-said", { role: "status" });
  const between = h("div.demo-between", { hidden: true });
  const stage = h("div.stage", null, ann.element, between, bob.element);

  // -- the card ------------------------------------------------------------------------------------------------------

  const focusCard = (): void => {
    const heading = between.querySelector<HTMLElement>("[data-card-heading]");
    heading?.focus({ preventScroll: true });
    // The heading says what it is about; what can be pressed should be in sight, and once that is done, what comes next.
    (between.querySelector(".choices, .demo-after") ?? heading)?.scrollIntoView({ block: "nearest" });
  };

  async function present(id: string): Promise<Conflict> {
    const turn = ++asked;
    const { conflict } = await conflictDetail(id, document, null, leaving);
    // Answers may overtake each other: what was asked later is newer.
    if (turn < answered) return conflict;
    answered = turn;
    shown = conflict.id;
    met = true;
    draw(conflict);
    return conflict;
  }

  function draw(conflict: Conflict): void {
    const { id } = conflict;
    const card = renderCard(
      conflict,
      actionsOn(conflict, {
        acting: () => ({ session: ann.both.session, name: "Ann" }),
        viewer: `guest:${ann.both.session}`,
        refresh: () => present(id),
        past: (revision) => documentPath(document, { view: "timeline", at: revision }),
      }),
    );
    const inCard = between.contains(globalThis.document.activeElement);
    between.replaceChildren(...(conflict.status === "open" ? [card] : [after(), card]));
    between.hidden = false;
    stage.classList.add("has-card");
    between.dataset["status"] = conflict.status;
    if (inCard) focusCard();
    show();
  }

  function after(): HTMLElement {
    const address = `${location.origin.replace(/^http/, "ws")}/ws`;
    const line = `new WebsocketProvider(${JSON.stringify(address)}, ${JSON.stringify(encodeName(document))}, doc)`;
    const replay = link(documentPath(document, { view: "timeline", conflict: shown }), icon("clock"), "Replay what each saw");
    replay.className = "button primary";
    return h(
      "section.demo-after.paper",
      { "aria-label": "What next" },
      h("p.actions", null, replay, h("button.button", { type: "button", onclick: again }, "Start again")),
      h("h3", null, "Paste this line into your editor"),
      h("p.soft.small", null, "Any Yjs editor with y-websocket can join this document."),
      h("pre.demo-line", { tabindex: 0, "aria-label": "Line of code" }, h("code", null, line)),
      copyButton(line),
    );
  }

  // Both panes are told the same; what either hears first counts.
  for (const pane of panes) {
    pane.both.on("conflicts", (entries: ReadonlyMap<string, ConflictEntry>, news: ConflictNews | null) => {
      const followed = news?.superseded.find(([old]) => old === shown);
      if (followed) shown = followed[1];
      const known = shown ? entries.get(shown) : undefined;
      const next = known ?? [...entries.values()].find((entry) => entry.status === "open" && !entry.card.hidden.length);
      if (next) void present(next.id).catch(() => undefined);
    });
  }

  // -- where we are --------------------------------------------------------------------------------------------------

  function show(): void {
    if (leaving.aborted) return;
    const away = panes.filter((pane) => pane.away);
    const open = between.dataset["status"] === "open" && !between.hidden;
    if (away.length) guide.at(edits[0] && edits[1] && !typing ? 2 : 1);
    else guide.at(open ? 3 : met ? 4 : 0);
    said.textContent = words(away, open);
  }

  function words(away: readonly Pane[], open: boolean): string {
    if (open) return "Both of them wrote there. Nothing is lost: choose what it shall say.";
    if (met && !between.hidden && !away.length) return "Decided, for everybody. The earlier text stays in the history.";
    if (returned) return "These edits did not touch each other: both are in the text, and nobody needs to look.";
    return "";
  }

  panes.forEach((pane, at) =>
    pane.text.observe((_, transaction) => {
      if (transaction.local && panes.some((one) => one.away)) edits[at] = (edits[at] ?? 0) + 1;
      change();
    }),
  );
  for (const pane of panes) select(pane.view, PHRASE);
  started = true;
  show();

  return h(
    "div.demo",
    null,
    h(
      "header.demo-head",
      null,
      h("div", null, h("h1", null, "See a collision"), h("p.soft", null, "Two people, one sentence, and no connection between them.")),
      h("button.button.quiet", { type: "button", onclick: again }, "New room"),
    ),
    guide.element,
    suggestions,
    said,
    stage,
  );
}
