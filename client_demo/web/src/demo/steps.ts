/** What to do now: the first minute, step by step. Every step has its button, so that the keyboard alone will do. */

import { h } from "../ui/h";
import { icon } from "../ui/icons";

export interface Step {
  title: string;
  hint: string;
  /** What is to be said instead once it is done. */
  done: string;
  /** The button of the step; none where the reader does it elsewhere. */
  action?: { label: string; run: () => void };
}

export interface Steps {
  element: HTMLElement;
  /** Mark step `number` (from 0) as the present one. */
  at(number: number): void;
}

export function steps(all: readonly Step[]): Steps {
  const items = all.map((step, number) => {
    const button = step.action && h("button.button", { type: "button", onclick: step.action.run }, step.action.label);
    const mark = h("span.step-mark", { "aria-hidden": "true" }, number + 1);
    const hint = h("p.step-hint", null, step.hint);
    const item = h(
      "li.step",
      null,
      mark,
      h("div.step-words", null, h("p.step-title", null, step.title), hint),
      button,
    );
    return { item, mark, hint, button, number, step };
  });
  let present = -1;
  return {
    element: h("ol.steps", { "aria-label": "What to do" }, items.map(({ item }) => item)),
    at(now) {
      if (now === present) return;
      const focused = items.some(({ button }) => button === document.activeElement);
      present = now;
      for (const { item, mark, hint, button, number, step } of items) {
        item.classList.toggle("is-done", number < now);
        hint.textContent = number < now ? step.done : step.hint;
        if (number === now) item.setAttribute("aria-current", "step");
        else item.removeAttribute("aria-current");
        mark.replaceChildren(number < now ? icon("check") : String(number + 1));
        button?.classList.toggle("primary", number === now);
        if (button) button.disabled = number !== now;
      }
      // The button that was pressed is off now: the keyboard goes on at the next.
      if (focused) items[now]?.button?.focus();
    },
  };
}
