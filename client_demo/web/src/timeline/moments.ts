/** What the document says at moments: one question at a time, the newest wish wins, what was seen lately is kept. */

import { type Cut, lastEvent, type State, state } from "./api";

/** A moment as the page means it: `as` is an actor whose screen is meant. */
export interface Wish {
  cut: Cut;
  as: string | null;
}

export const keyOf = ({ cut, as }: Wish): string => `${as ?? ""} ${JSON.stringify(cut)}`;

/** `state` null: that person had not written anything yet. */
export interface Found {
  wish: Wish;
  state: State | null;
  /** The cut that names it for other questions. */
  cut: Cut;
}

const KEPT = 120;
const IMPATIENT_MS = 400;

export class Moments {
  private readonly kept = new Map<string, Found>();
  private running: { key: string; stop: AbortController; began: number } | undefined;
  private wanted: Wish | undefined;
  private ahead: Wish[] = [];

  constructor(
    private readonly document: string,
    private readonly show: (found: Found) => void,
    private readonly fail: (error: unknown) => void,
    leaving: AbortSignal,
  ) {
    leaving.addEventListener("abort", () => this.running?.stop.abort());
  }

  /** Show what `wish` names as soon as it is known; what is asked for meanwhile replaces it. */
  want(wish: Wish): void {
    this.ahead = [];
    const known = this.kept.get(keyOf(wish));
    if (known) {
      this.wanted = undefined;
      this.show(known);
      return;
    }
    this.wanted = wish;
    // Answers take some ms each: what runs may finish and be shown, unless it is stuck.
    if (this.running && performance.now() - this.running.began > IMPATIENT_MS) this.running.stop.abort();
    this.go();
  }

  /** Ask for these when there is nothing else to do. */
  prefetch(wishes: readonly Wish[]): void {
    this.ahead = wishes.filter((wish) => !this.kept.has(keyOf(wish)));
    this.go();
  }

  /** Forget everything: the log has become another one, or cuts mean something else now. */
  forget(): void {
    this.kept.clear();
  }

  private go(): void {
    if (this.running) return;
    const asked = this.wanted;
    const wish = asked ?? this.ahead.shift();
    if (!wish) return;
    this.wanted = undefined;
    const running = { key: keyOf(wish), stop: new AbortController(), began: performance.now() };
    this.running = running;
    void this.ask(wish, running.stop.signal)
      .then((found) => {
        this.keep(running.key, found);
        if (asked || (this.wanted && keyOf(this.wanted) === running.key)) {
          if (this.wanted && keyOf(this.wanted) === running.key) this.wanted = undefined;
          this.show(found);
        }
      })
      .catch((error: unknown) => {
        if (asked && !running.stop.signal.aborted) this.fail(error);
      })
      .finally(() => {
        this.running = undefined;
        this.go();
      });
  }

  private async ask(wish: Wish, signal: AbortSignal): Promise<Found> {
    if (wish.as === null) return { wish, cut: wish.cut, state: await state(this.document, wish.cut, signal) };
    const until = Number(wish.cut["at"]);
    const event = await lastEvent(this.document, until, { actors: wish.as, types: "edit.recorded" }, signal);
    if (!event) return { wish, cut: { at: 0 }, state: null };
    const cut = { seen_by: event.id };
    return { wish, cut, state: await state(this.document, cut, signal) };
  }

  private keep(key: string, found: Found): void {
    this.kept.delete(key);
    this.kept.set(key, found);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT) break;
      this.kept.delete(oldest);
    }
  }
}
