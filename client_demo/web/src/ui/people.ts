/** People: a name and a colour each. Who the reader is stays in this browser; the server knows it as claimed. */

import { h, styled } from "./h";

export interface Person {
  name: string;
  color: string;
}

/** Eight hues that are told apart in both schemes; `--person` and what is mixed from it are the only uses. */
export const COLOURS = ["#3457d5", "#b34e0b", "#17754f", "#a3339b", "#b3261e", "#0b7285", "#7a5c00", "#6b4fc9"] as const;

const KEY = "keepboth.me";
const NAMES = ["Robin", "Sam", "Kim", "Noa", "Alex", "Jo", "Mika", "Charlie"] as const;

/** The same colour for the same text, everywhere. */
export function colourOf(text: string): string {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  return COLOURS[(hash >>> 0) % COLOURS.length] ?? COLOURS[0];
}

/** Who is reading, made up at the first visit. */
export function me(): Person {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (isPerson(found)) return found;
  } catch {
    // Storage is off or holds something else: a new person then.
  }
  const name = NAMES[Math.floor(Math.random() * NAMES.length)] ?? "Guest";
  return setMe({ name, color: COLOURS[Math.floor(Math.random() * COLOURS.length)] ?? COLOURS[0] });
}

export function setMe(person: Person): Person {
  try {
    localStorage.setItem(KEY, JSON.stringify(person));
  } catch {
    // It will be asked for again next time.
  }
  return person;
}

function isPerson(found: unknown): found is Person {
  if (typeof found !== "object" || found === null) return false;
  const { name, color } = found as Record<string, unknown>;
  return typeof name === "string" && name.length > 0 && typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color);
}

/** A round mark with the person's first letter, for rows of people; its name is for screen readers too. */
export function avatar(person: Person): HTMLElement {
  const letter = [...person.name][0]?.toUpperCase() ?? "?";
  const mark = h("span.avatar", { role: "img", "aria-label": person.name, title: person.name }, letter);
  return styled(mark, { "--person": person.color });
}

/** A person's name in their colour. */
export function personName(name: string, color: string = colourOf(name)): HTMLElement {
  return styled(h("bdi.person", null, name), { "--person": color });
}
