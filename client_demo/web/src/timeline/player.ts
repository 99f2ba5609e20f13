/** Plays history at a multiple of the time in which it was written, long pauses shortened. */

export const SPEEDS = [1, 2, 5, 10, 25, 50, 100] as const;

export interface Player {
  readonly playing: boolean;
  speed: number;
  start(from: number): void;
  stop(): void;
}

/** `worked`: seconds of work up to the end of each bucket. `show` gets places, 0 to 1; `ended` is called when it stops. */
export function player(worked: readonly number[], show: (place: number) => void, ended: () => void): Player {
  const length = Math.max(worked.at(-1) ?? 0, 0.001);
  let frame = 0;
  let seconds = 0;
  let last = 0;
  const one: Player & { playing: boolean } = {
    playing: false,
    speed: 10,
    start(from) {
      if (one.playing) return;
      seconds = from >= 1 ? 0 : secondsAt(worked, from);
      last = performance.now();
      one.playing = true;
      frame = requestAnimationFrame(turn);
    },
    stop() {
      if (!one.playing) return;
      one.playing = false;
      cancelAnimationFrame(frame);
      ended();
    },
  };
  const turn = (now: number): void => {
    seconds += ((now - last) / 1000) * one.speed;
    last = now;
    show(seconds >= length ? 1 : placeAt(worked, seconds));
    if (seconds >= length) one.stop();
    else frame = requestAnimationFrame(turn);
  };
  return one;
}

function secondsAt(worked: readonly number[], place: number): number {
  const exact = place * worked.length;
  const bucket = Math.floor(exact);
  const before = bucket > 0 ? (worked[bucket - 1] ?? 0) : 0;
  return before + (exact - bucket) * ((worked[bucket] ?? before) - before);
}

/** The last place that has been reached after so many seconds. */
function placeAt(worked: readonly number[], seconds: number): number {
  const next = worked.findIndex((end) => end > seconds);
  if (next < 0) return 1;
  const before = next > 0 ? (worked[next - 1] ?? 0) : 0;
  return (next + (seconds - before) / ((worked[next] ?? before) - before)) / worked.length;
}
