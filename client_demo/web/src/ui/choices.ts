/** What can be done about a collision: each choice with the text that it leads to. */

import type { Card, Choice, Choices, Conflict } from "../api";
import { type CardActions, hasMoved, isEarly, wasFirst } from "../conflicts/actions";
import { type Child, h } from "./h";
import { icon } from "./icons";
import { headOf, tailOf } from "./passage";
import { failed, loading } from "./states";

type Offer = Card["choices"][number];

const TYPING_MS = 300;
const AGAIN_MS = 1_500;
let made = 0;

/** The section with the choices, and what has been decided. */
export function choicesOf(conflict: Conflict, actions: CardActions): HTMLElement {
  const { card } = conflict;
  const offers = card.choices.filter((offer) => offer.code !== "seen");
  const problem = h("div.card-problem", { role: "alert" });
  const list = h("ul.choices");
  const section = h("section.card-part", null);
  const state: State = { conflict, actions, list, problem, offers, busy: false };
  if (offers.length) {
    section.append(h("h4", null, "What shall it say?"), list, problem);
    list.append(h("li", null, loading("Working out what each choice leads to")));
    void preview(state);
  } else section.append(problem);
  section.append(foot(state));
  return section;
}

interface State {
  conflict: Conflict;
  actions: CardActions;
  list: HTMLElement;
  problem: HTMLElement;
  offers: Offer[];
  busy: boolean;
}

async function preview(state: State): Promise<void> {
  const { actions, list, offers } = state;
  try {
    const found = await actions.choices();
    list.replaceChildren(
      ...offers.flatMap((offer) => {
        if (offer.code === "write") return [writing(state, found)];
        const choice = found.choices.find((one) => isFor(offer, one));
        return choice ? [row(state, offer, choice, found.revision)] : [];
      }),
    );
  } catch (error) {
    if (isEarly(error)) {
      list.replaceChildren(h("li", null, loading("The newest edits are still being looked at")));
      setTimeout(() => list.isConnected && void preview(state), AGAIN_MS);
    } else list.replaceChildren(h("li", null, failed(error, () => void preview(state))));
  }
}

function isFor(offer: Offer, choice: Choice): boolean {
  if (offer.code !== choice.choice) return false;
  if (offer.actor === null) return true;
  return choice.sides.some(({ actor, session }) => actor === offer.actor && (offer.session ?? null) === (session ?? null));
}

function row(state: State, offer: Offer, choice: Choice, revision: number): HTMLElement {
  const id = `choice-${++made}`;
  const act = h(
    "button.button",
    {
      type: "button",
      "aria-describedby": id,
      onclick: () =>
        void decide(state, {
          choice: offer.code,
          revision,
          ...(offer.actor !== null ? { actor: offer.actor } : {}),
          ...(offer.session !== null ? { side_session: offer.session } : {}),
        }),
    },
    offer.label.text,
  );
  return h("li.choice", null, result(choice, id), act);
}

/** The text that `choice` leads to, with what stands around it. */
function result(choice: Choice, id: string): HTMLElement {
  const kept = choice.parts.some((part) => part.kept && part.text.trim());
  return h(
    "div.choice-result",
    { id },
    h(
      "p.passage",
      { dir: "auto" },
      h("span.around", null, tailOf(choice.before)),
      choice.text
        ? choice.parts.map((part) => h(part.kept ? "span.kept" : "span.chosen", null, part.text))
        : h("span.chosen.soft", null, choice.before || choice.after ? "\u2038" : "Nothing"),
      h("span.around", null, headOf(choice.after)),
    ),
    kept && h("p.soft.small", null, "Dotted: typed there since. It stays."),
  );
}

function writing(state: State, found: Choices): HTMLElement {
  const { actions } = state;
  const offer = state.offers.find((one) => one.code === "write");
  const now = found.choices.find((one) => one.choice === "leave")?.text ?? state.conflict.card.now.text;
  const id = `choice-${++made}`;
  const area = h("textarea.input.write", { rows: 3, "aria-label": "What it shall say", dir: "auto" });
  const shown = h("div", { "aria-live": "polite" });
  let ready: { text: string; revision: number } | null = null;
  const use = h("button.button.primary", {
    type: "button",
    onclick: () => {
      if (ready) void decide(state, { choice: "write", ...ready });
    },
  }, "Write this");
  const look = async (): Promise<void> => {
    const text = area.value;
    ready = null;
    use.disabled = true;
    try {
      const next = await actions.choices(text);
      const choice = next.choices.find((one) => one.choice === "write");
      if (area.value !== text || !choice) return;
      shown.replaceChildren(result(choice, id));
      ready = { text, revision: next.revision };
      use.disabled = false;
    } catch (error) {
      shown.replaceChildren(failed(error, () => void look()));
    }
  };
  let typing: ReturnType<typeof setTimeout> | undefined;
  area.addEventListener("input", () => {
    use.disabled = true;
    clearTimeout(typing);
    typing = setTimeout(() => void look(), TYPING_MS);
  });
  const cancel = h("button.button.quiet", { type: "button", onclick: () => (close(), start.focus()) }, "Cancel");
  const form = h("div.writing", { hidden: true }, area, shown, h("div.actions", null, use, cancel));
  const start = h(
    "button.button",
    {
      type: "button",
      onclick: () => {
        start.hidden = true;
        form.hidden = false;
        area.value = now;
        area.focus();
        void look();
      },
    },
    icon("edit"),
    offer?.label.text ?? "Write it…",
  );
  const close = (): void => {
    form.hidden = true;
    start.hidden = false;
  };
  return h("li.choice", null, form, start);
}

/** Seen, and taking a resolution back. */
function foot(state: State): HTMLElement {
  const { conflict, actions } = state;
  const buttons: Child[] = [];
  if (conflict.card.choices.some((offer) => offer.code === "seen")) {
    const seen = actions.viewer !== null && conflict.seen_by.includes(actions.viewer);
    buttons.push(
      seen
        ? h("p.soft.seen", null, icon("check"), "You have seen this.")
        : h("button.button.quiet", { type: "button", onclick: () => void run(state, () => actions.seen()) }, icon("check"), "Seen"),
    );
  }
  if (conflict.status === "resolved") {
    buttons.push(h("button.button", { type: "button", onclick: () => void run(state, () => actions.reopen()) }, "Open it again"));
  }
  return h("div.actions.card-foot", null, buttons);
}

const decide = (state: State, wish: Parameters<CardActions["resolve"]>[0]): Promise<void> =>
  run(state, () => state.actions.resolve(wish));

/** Do it; on success, or if somebody was first, show the entry as it is now. */
async function run(state: State, act: () => Promise<void>): Promise<void> {
  const { actions, problem } = state;
  if (state.busy) return;
  state.busy = true;
  problem.replaceChildren();
  try {
    await act();
    await actions.refresh();
  } catch (error) {
    if (wasFirst(error)) await said(state, first);
    else if (hasMoved(error)) {
      problem.append(words("The place has changed since. This is what each choice leads to now."));
      await preview(state);
    } else problem.append(failed(error));
  } finally {
    state.busy = false;
  }
}

const words = (text: string): HTMLElement => h("p.strip", null, icon("warn"), text);

/** Read the entry again; say above the card that replaces this one why it has. */
async function said(state: State, tell: (now: Conflict) => string): Promise<void> {
  try {
    const now = await state.actions.refresh();
    const place = document.querySelector(`.card[data-conflict="${CSS.escape(now.id)}"] .card-problem`);
    (place ?? state.problem).append(words(tell(now)));
  } catch (error) {
    state.problem.append(failed(error));
  }
}

function first(now: Conflict): string {
  if (now.status !== "resolved") return "It has been opened again meanwhile.";
  return `${now.resolution?.name ?? "Somebody"} has resolved it already. Nothing of yours was recorded.`;
}
