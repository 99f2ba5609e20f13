/** A view of what is not plain text: maps, lists and XML as a tree, to be read and not written here. */

import * as Y from "yjs";

import { type Child, h } from "../ui/h";

const MOST = 2_000;
const SOON_MS = 100;

interface Budget {
  left: number;
}

/** The tree under `type`, kept up to date until `leaving`. */
export function treeOf(type: Y.Text | Y.Map<unknown> | Y.Array<unknown> | Y.XmlFragment, leaving: AbortSignal): HTMLElement {
  const element = h("div.tree", { role: "region", "aria-label": "Content, to be read only", tabindex: 0 });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    timer = undefined;
    const budget = { left: MOST };
    const content = valueOf(type, budget);
    element.replaceChildren(content);
    if (budget.left <= 0) element.append(h("p.soft", null, `Only the first ${MOST.toLocaleString("en")} values are shown.`));
  };
  const soon = (): void => {
    timer ??= setTimeout(show, SOON_MS);
  };
  type.observeDeep(soon);
  leaving.addEventListener("abort", () => {
    clearTimeout(timer);
    type.unobserveDeep(soon);
  });
  show();
  return element;
}

function valueOf(value: unknown, budget: Budget): HTMLElement {
  budget.left -= 1;
  if (value instanceof Y.XmlElement) return elementOf(value, budget);
  if (value instanceof Y.XmlFragment) return h("div.tree-blocks", null, children(value.toArray(), budget));
  if (value instanceof Y.Text) return h("span.tree-text", { dir: "auto" }, value.toDelta().map(inserted));
  if (value instanceof Y.Map) return entries([...(value as Y.Map<unknown>).entries()].sort(byKey), budget);
  if (value instanceof Y.Array) return items((value as Y.Array<unknown>).toArray(), budget);
  if (Array.isArray(value)) return items(value, budget);
  if (value instanceof Uint8Array) return scalar(`${value.length.toLocaleString("en")} bytes`);
  if (typeof value === "object" && value !== null) return entries(Object.entries(value).sort(byKey), budget);
  return scalar(value === undefined ? "undefined" : JSON.stringify(value));
}

const byKey = ([one]: [string, unknown], [other]: [string, unknown]): number => (one < other ? -1 : 1);

const scalar = (text: string): HTMLElement => h("code.tree-value", { dir: "auto" }, text);

const inserted = (part: { insert?: unknown }): Child =>
  typeof part.insert === "string" ? part.insert : scalar(JSON.stringify(part.insert) ?? "");

function children(values: readonly unknown[], budget: Budget): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (const value of values) {
    if (budget.left <= 0) break;
    found.push(valueOf(value, budget));
  }
  return found;
}

function elementOf(element: Y.XmlElement, budget: Budget): HTMLElement {
  const attributes = Object.entries(element.getAttributes())
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
    .join("");
  return h(
    "div.tree-block",
    null,
    h("code.tree-name", { dir: "auto" }, `${element.nodeName}${attributes}`),
    h("div.tree-inner", null, children(element.toArray(), budget)),
  );
}

function entries(pairs: readonly [string, unknown][], budget: Budget): HTMLElement {
  if (!pairs.length) return scalar("{}");
  const list = h("dl.tree-map");
  for (const [key, value] of pairs) {
    if (budget.left <= 0) break;
    list.append(h("div.tree-entry", null, h("dt", null, h("bdi", null, key)), h("dd", null, valueOf(value, budget))));
  }
  return list;
}

function items(values: readonly unknown[], budget: Budget): HTMLElement {
  if (!values.length) return scalar("[]");
  return h("ol.tree-list", { start: 0 }, children(values, budget).map((one) => h("li", null, one)));
}
