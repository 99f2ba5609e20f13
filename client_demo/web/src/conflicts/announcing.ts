/** Who is interrupted: only whom a return concerns, and once for each return, also over a reload. */

import { toast } from "../ui/toast";
import type { Board } from "./board";

const KEY = "keepboth.told";
const KEPT = 200;

function told(): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

/** Say of every return that interrupts the reader what it ran into; `open` shows one entry. */
export function announceReturns(board: Board, open: (id: string) => void): void {
  const known = new Set(told());
  board.on(() => {
    for (const { correlation_id: id, level, needs, cards, sentence } of board.notices) {
      if (level !== "interrupt" || known.has(id) || !needs.some(({ actor }) => actor === board.viewer)) continue;
      known.add(id);
      try {
        localStorage.setItem(KEY, JSON.stringify([...told(), id].slice(-KEPT)));
      } catch {
        // It may be said once more after a reload.
      }
      const [first] = cards;
      toast(sentence.text, first ? { action: { label: "Look", run: () => open(first) } } : {});
    }
  });
}
