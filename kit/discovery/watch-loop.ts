import { type Clock, delay } from "../service/clock.ts";

/** Evenly from [0, 1). */
export type Draw = () => number;

export interface WatchLoopOptions {
  readonly clock: Clock;
  readonly draw: Draw;
  /** One round: asks the registry, tells the listener, and gives how long to wait before the next round. */
  readonly round: (signal: AbortSignal) => Promise<number>;
  readonly onFailure: (err: unknown) => void;
}

const firstBackoffMs = 1_000;
const maxBackoffMs = 30_000;
/** No registry is asked more often than this, whatever it answers. */
const minIntervalMs = 100;

/**
 * Runs rounds until the returned function is called. After a failure it waits 1 s, doubled each time up to 30 s, half of
 * it by chance, so that many processes do not come back to a registry at the same moment.
 */
export function runWatchLoop({ clock, draw, round, onFailure }: WatchLoopOptions): () => void {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      let waitMs: number;
      try {
        waitMs = Math.max(minIntervalMs, await round(signal));
        failures = 0;
      } catch (err) {
        if (signal.aborted) return;
        onFailure(err);
        const backoffMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.min(failures++, 10));
        waitMs = backoffMs * (0.5 + draw() / 2);
      }
      await delay(clock, waitMs, signal);
    }
  }
  run().catch(() => {});
  return () => stopping.abort(new Error("no longer watched"));
}
