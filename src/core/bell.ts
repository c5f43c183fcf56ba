/** What many can ring, and one waits for. */
export interface Bell {
  ring(): void;
  /** Resolves at once if it was rung since it last resolved, else at the next ring, or after `limitMs`; then it is silent again. */
  next(limitMs: number): Promise<void>;
}

export function createBell(pause: (milliseconds: number, cancelled: AbortSignal) => Promise<void>): Bell {
  let rung = false;
  let waiting = new AbortController();
  return {
    ring() {
      rung = true;
      waiting.abort();
    },
    async next(limitMs) {
      if (!rung) await pause(limitMs, waiting.signal);
      rung = false;
      waiting = new AbortController();
    },
  };
}
