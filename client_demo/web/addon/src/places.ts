/** Where collisions lie: all of a document, in few bytes, and where that is in a shared text now. */

import * as Y from "yjs";

import type { ConflictEntry } from "./conflicts.js";

/** `[client, clock]` of an item of the shared document. */
export type ItemId = readonly [client: number, clock: number];

/** What an underline needs of an entry; `GET /api/conflicts/places` has it of all. `hidden`: why it needs nobody, or "". */
export interface ConflictPlace {
  id: string;
  status: "open" | "settled" | "resolved";
  severity: string;
  certain: boolean;
  hidden: string;
  /** The first and the last item; null for a key. */
  anchors: readonly [first: ItemId, last: ItemId] | null;
}

/** One page of `GET /api/conflicts/places`. */
export interface PlacesPage {
  fields: string[];
  places: unknown[][];
  /** False: the server still looks for collisions. */
  complete: boolean;
  next: string | null;
}

/** The rows of a page, whatever columns have been added to them. */
export function placesOf({ fields, places }: PlacesPage): ConflictPlace[] {
  const [id, status, severity, certain, hidden, anchors] = ["id", "status", "severity", "certain", "hidden", "anchors"].map((name) =>
    fields.indexOf(name),
  ) as [number, number, number, number, number, number];
  return places.map((row) => ({
    id: row[id] as string,
    status: row[status] as ConflictPlace["status"],
    severity: row[severity] as string,
    certain: row[certain] as boolean,
    hidden: row[hidden] as string,
    anchors: row[anchors] as ConflictPlace["anchors"],
  }));
}

/** What a whole entry says of its place. */
export function placeOfEntry({ id, status, severity, certain, card, anchors }: ConflictEntry): ConflictPlace {
  const ends = anchors && [anchors.start, anchors.end].map(({ item }): ItemId => [item.client, item.clock]);
  return { id, status, severity, certain, hidden: card.hidden[0] ?? "", anchors: ends && [ends[0]!, ends[1]!] };
}

export interface Range {
  from: number;
  to: number;
}

interface Point {
  item: Y.Item;
  /** Characters of the item before the point. */
  within: number;
}

/** The item that holds `id`, also after it was deleted and came back by undo; null if it is not here yet, or is gone. */
function pointOf(doc: Y.Doc, [client, clock]: ItemId, behind: boolean): Point | "later" | null {
  let id = Y.createID(client, clock);
  for (;;) {
    if (Y.getState(doc.store, id.client) <= id.clock) return "later";
    const item: Y.Item | Y.GC = Y.getItem(doc.store, id);
    if (!(item instanceof Y.Item)) return null;
    const into = id.clock - item.id.clock;
    if (item.redone === null) return { item, within: item.deleted || !item.countable ? 0 : into + (behind ? 1 : 0) };
    id = Y.createID(item.redone.client, item.redone.clock + into);
  }
}

/**
 * Where each of `wanted` is in `text` now, as `Y.createAbsolutePositionFromRelativePosition` would say, in one walk over
 * the text however many they are. Null: it is elsewhere, or gone with what it was in. Those whose items are not here yet
 * are left out.
 */
export function rangesIn(text: Y.Text, wanted: Iterable<ConflictPlace>): Map<string, Range | null> {
  const found = new Map<string, Range | null>();
  const { doc } = text;
  if (!doc) return found;
  const ends = new Map<string, readonly [Point, Point]>();
  const starts = new Map<Y.Item, number>();
  for (const { id, anchors } of wanted) {
    const first = anchors && pointOf(doc, anchors[0], false);
    const last = anchors && pointOf(doc, anchors[1], true);
    if (first === "later" || last === "later") continue;
    found.set(id, null);
    if (!first || !last || first.item.parent !== text || last.item.parent !== text) continue;
    ends.set(id, [first, last]);
    starts.set(first.item, 0);
    starts.set(last.item, 0);
  }
  let at = 0;
  let left = starts.size;
  for (let item = text._start; item && left; item = item.right) {
    if (starts.has(item)) {
      starts.set(item, at);
      left--;
    }
    if (!item.deleted && item.countable) at += item.length;
  }
  for (const [id, [first, last]] of ends) {
    const from = starts.get(first.item)! + first.within;
    const to = starts.get(last.item)! + last.within;
    if (to >= from) found.set(id, { from, to });
  }
  return found;
}
