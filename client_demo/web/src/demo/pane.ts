/** One person of the demo: an editor with a connection of its own, a switch to take it away, a delay, a saved light. */

import type { EditorView } from "@codemirror/view";
import { keepBoth, type KeepBoth } from "keepboth";
import { conflictsExtension } from "keepboth/codemirror";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { editor } from "../editor/editor";
import { encodeName } from "../router";
import { h, styled } from "../ui/h";
import { avatar, type Person } from "../ui/people";
import { savedLight } from "../ui/saved_light";
import { type Delay, delayed } from "./delayed";

export interface Pane {
  person: Person;
  element: HTMLElement;
  view: EditorView;
  both: KeepBoth;
  text: Y.Text;
  /** Whether the switch is off: it is the person who is away, not the server. */
  readonly away: boolean;
  goAway(): void;
  comeBack(): void;
  close(): void;
}

const LONGEST_S = 3;

/** Resolves when the document is here. `changed` is called whenever something of the pane has. */
export async function openPane(
  document: string,
  person: Person,
  changed: () => void,
  openConflict: (id: string) => void,
): Promise<Pane> {
  const doc = new Y.Doc();
  const text = doc.getText("text");
  const delay: Delay = { ms: 0 };
  const server = `${location.origin.replace(/^http/, "ws")}/ws`;
  const provider = new WebsocketProvider(server, encodeName(document), doc, {
    connect: false,
    // Nothing may pass between the panes but through the server: tabs and panes of one browser would talk directly.
    disableBc: true,
    WebSocketPolyfill: delayed(delay),
  });
  provider.awareness.setLocalStateField("user", { name: person.name, color: person.color });
  const both = keepBoth(provider, { name: person.name, color: person.color, as: person.name, list: 20 });
  await both.ready;

  let away = false;
  const view = editor({
    text,
    awareness: provider.awareness,
    label: `${person.name}'s editor`,
    extensions: conflictsExtension(both, text, { openId: openConflict }),
  });

  const toggle = h("input", {
    type: "checkbox",
    role: "switch",
    "aria-label": `${person.name} is offline`,
    onchange: () => (toggle.checked ? pane.goAway() : pane.comeBack()),
  });
  const seconds = h("output.soft", null, "0 s");
  const slider = h("input", {
    type: "range",
    min: 0,
    max: LONGEST_S,
    step: 0.5,
    value: 0,
    "aria-label": `Delay of ${person.name}'s connection, in seconds each way`,
    oninput: () => {
      delay.ms = Number(slider.value) * 1000;
      seconds.textContent = `${slider.value} s`;
    },
  });
  const light = savedLight(both, () => away);
  const element = styled(
    h(
      "section.pane",
      { "aria-label": person.name },
      h("header.pane-head", null, avatar(person), h("h2.pane-name", null, person.name), light.element),
      h("div.pane-text", null, view.dom),
      h(
        "footer.pane-foot",
        null,
        h("label.switch", null, toggle, h("span.switch-track", { "aria-hidden": "true" }), h("span", null, "Offline")),
        h("label.delay", null, h("span", null, "Delay"), slider, seconds),
      ),
    ),
    { "--person": person.color },
  );

  const show = (): void => {
    toggle.checked = away;
    element.classList.toggle("is-away", away);
    light.show();
    changed();
  };
  const pane: Pane = {
    person,
    element,
    view,
    both,
    text,
    get away() {
      return away;
    },
    goAway() {
      away = true;
      provider.disconnect();
      show();
    },
    comeBack() {
      away = false;
      provider.connect();
      show();
    },
    close() {
      off();
      view.destroy();
      void both.destroy().then(() => provider.destroy());
    },
  };
  const off = both.on("change", show);
  provider.connect();
  await new Promise<void>((resolve) => (provider.synced ? resolve() : provider.once("sync", () => resolve())));
  show();
  return pane;
}
