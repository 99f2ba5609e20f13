/** Elements without a framework. Text is always text: nothing here takes markup. */

type Handler = (event: never) => void;
export type Child = Node | string | number | null | undefined | false | readonly Child[];
export type Attributes = Record<string, string | number | boolean | Handler | null | undefined>;

/**
 * An element. `on…` attributes are listeners (`onclick`), `true` is an attribute without a value, false, null and
 * undefined leave it out. `class` may come in the tag: `h("p.soft.small")`.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K | `${K}.${string}`,
  attributes?: Attributes | null,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split(".") as [K, ...string[]];
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) set(element, key, value);
  append(element, children);
  return element;
}

/** The same for SVG. */
export function svg(tag: string, attributes?: Attributes | null, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes ?? {})) set(element, key, value);
  append(element, children);
  return element;
}

function set(element: Element, key: string, value: Attributes[string]): void {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") element.addEventListener(key.slice(2), value as unknown as EventListener);
  else if (key === "class") element.setAttribute("class", [element.getAttribute("class"), value].filter(Boolean).join(" "));
  else element.setAttribute(key, value === true ? "" : String(value));
}

export function append(element: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child as readonly Child[]);
    else element.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Put `children` in place of everything in `element`. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** A text that somebody else wrote, kept from turning its surroundings round. */
export function bdi(text: string): HTMLElement {
  return h("bdi", null, text);
}

/** Set custom properties: allowed by the policy, unlike a `style` attribute. */
export function styled<E extends HTMLElement | SVGElement>(element: E, properties: Record<string, string>): E {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}
