/** A colour for each author of a document: the one that they have everywhere, unless somebody here has it already. */

import { colourOf, COLOURS } from "../ui/people";
import type { Who } from "./api";

export interface Author {
  actor: string;
  name: string;
  /** Place in `COLOURS`: the classes `by-0` to `by-7`. */
  hue: number;
}

export class Palette {
  private readonly authors = new Map<string, Author>();

  /** `people` by name; `order`: those who come first choose first. */
  constructor(people: readonly Who[], order: readonly string[]) {
    const names = new Map(people.map((one) => [one.actor, one.name]));
    const taken = new Set<number>();
    for (const actor of [...order, ...names.keys()]) {
      if (this.authors.has(actor)) continue;
      const name = names.get(actor) || shortActor(actor);
      const hue = free(COLOURS.indexOf(colourOf(name) as (typeof COLOURS)[number]), taken);
      taken.add(hue);
      this.authors.set(actor, { actor, name, hue });
    }
  }

  of(actor: string): Author {
    return this.authors.get(actor) ?? { actor, name: shortActor(actor), hue: 0 };
  }
}

/** Hues at the same distance from both ends of `COLOURS` are neighbours (blue and violet, green and teal). */
const neighbour = (hue: number): number => COLOURS.length - 1 - hue;

/** `own`, or the next that nobody has, and nobody its neighbour, as long as there is one. */
function free(own: number, taken: ReadonlySet<number>): number {
  const order = COLOURS.map((_, step) => (own + step) % COLOURS.length);
  return order.find((hue) => !taken.has(hue) && !taken.has(neighbour(hue))) ?? order.find((hue) => !taken.has(hue)) ?? own;
}

/** An id as a word where nobody gave a name: "guest:y:123" is "guest 123". */
export function shortActor(actor: string): string {
  const parts = actor.split(":");
  const last = parts.at(-1) ?? actor;
  return parts[0] === "guest" ? `Guest ${last.slice(-4)}` : last || actor;
}
