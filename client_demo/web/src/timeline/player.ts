/** Plays history: the playhead runs along the axis at a multiple of the time in which it was written. */

export const SPEEDS = [1, 2, 5, 10, 25, 50, 100] as const;

export interface Player {
  readonly playing: boolean;
  speed: number;
  start(from: number): void;
  stop(): void;
}

/** `workingSeconds`: the length of the axis. `show` gets places, 0 to 1; `ended` is called at 1 and on every stop. */
export function player(workingSeconds: number, show: (place: number) => void, ended: () => void): Player {
  let frame = 0;
  let place = 0;
  let last = 0;
  const one: Player & { playing: boolean } = {
    playing: false,
    speed: 10,
    start(from) {
      if (one.playing) return;
      place = from >= 1 ? 0 : from;
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
    place += (((now - last) / 1000) * one.speed) / Math.max(workingSeconds, 0.001);
    last = now;
    show(Math.min(1, place));
    if (place >= 1) one.stop();
    else frame = requestAnimationFrame(turn);
  };
  return one;
}
