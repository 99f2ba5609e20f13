/** Dialogs on the browser's own `<dialog>`: focus stays inside, Escape closes, focus returns to where it was. */

import { type Child, h } from "./h";

export interface Asked {
  title: string;
  body: Child;
  /** The button that does it. */
  confirm: string;
  danger?: boolean;
  /** Runs when confirmed; the dialog stays, with the error's words, if it throws. */
  run: (form: FormData) => void | Promise<void>;
}

/** Ask; resolves to whether it was done. */
export function ask({ title, body, confirm, danger, run }: Asked): Promise<boolean> {
  return new Promise((resolve) => {
    let done = false;
    const error = h("p.field-error", { role: "alert", hidden: true });
    const act = h("button.button.primary", { type: "submit", class: danger ? "danger" : null }, confirm);
    const form = h(
      "form.dialog-form",
      {
        onsubmit: async (event: SubmitEvent) => {
          event.preventDefault();
          act.disabled = true;
          error.hidden = true;
          try {
            await run(new FormData(form));
            done = true;
            dialog.close();
          } catch (caught) {
            error.textContent = caught instanceof Error ? caught.message : String(caught);
            error.hidden = false;
          } finally {
            act.disabled = false;
          }
        },
      },
      h("h2", { id: "dialog-title" }, title),
      body,
      error,
      h(
        "div.dialog-buttons",
        null,
        h("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        act,
      ),
    );
    const dialog = h("dialog.dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A labelled text field for a dialog or a form. */
export function field(label: string, attributes: Record<string, string | boolean | number>, hint?: string): HTMLElement {
  const id = `field-${String(attributes["name"])}`;
  return h(
    "div.field",
    null,
    h("label", { for: id }, label),
    h("input.input", { id, autocomplete: "off", ...attributes, "aria-describedby": hint ? `${id}-hint` : false }),
    hint && h("p.field-hint", { id: `${id}-hint` }, hint),
  );
}
