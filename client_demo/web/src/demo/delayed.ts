/** A WebSocket whose messages take longer, both ways and in order: a far-away server, for showing what that does. */

export interface Delay {
  /** Milliseconds each way. May change at any time. */
  ms: number;
}

export function delayed(delay: Delay): typeof WebSocket {
  return class extends WebSocket {
    #sent = 0;
    #came = 0;
    #listener: ((event: MessageEvent) => void) | null = null;

    override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
      this.#sent = later(delay.ms, this.#sent, () => {
        if (this.readyState === WebSocket.OPEN) super.send(data);
      });
    }

    override get onmessage(): ((event: MessageEvent) => void) | null {
      return this.#listener;
    }

    override set onmessage(listener: ((event: MessageEvent) => void) | null) {
      this.#listener = listener;
      super.onmessage =
        listener &&
        ((event) => {
          this.#came = later(delay.ms, this.#came, () => this.#listener?.(event));
        });
    }
  };
}

/** Do it in `ms`, but not before what was told before; returns when it is due. */
function later(ms: number, before: number, act: () => void): number {
  const now = performance.now();
  if (ms === 0 && before <= now) {
    act();
    return 0;
  }
  const due = Math.max(now + ms, before);
  setTimeout(act, due - now);
  return due;
}
