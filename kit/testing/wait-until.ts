import { MessageChannel } from "node:worker_threads";
import { delay, systemClock } from "../service/clock.ts";

/** How long is waited at most, and for what: the words of the error when it takes longer. */
export interface WaitLimit {
  readonly withinMs: number;
  readonly what: string;
}

/** Short against what is waited for at first; then longer, for asking takes time from whoever does it. */
const pausesMs = [5, 10, 20, 40];

/**
 * Asks again and again, for what other sessions and processes do, of which nobody tells us, and gives the first answer that is not
 * undefined. Throws when there is none within the limit; without one it waits as long as its test may.
 */
export async function waitFor<Found>(
  find: () => Promise<Found | undefined> | Found | undefined,
  limit?: WaitLimit,
): Promise<Found> {
  const startMs = systemClock.monotonicMs();
  // The clock's timers keep no process alive, and a test that waits may have nothing else that does.
  const { port1: stay } = new MessageChannel();
  stay.ref();
  try {
    for (let asked = 0; ; asked++) {
      const found = await find();
      if (found !== undefined) return found;
      if (limit && systemClock.monotonicMs() - startMs > limit.withinMs)
        throw new Error(`not within ${limit.withinMs} ms: ${limit.what}`);
      await delay(systemClock, pausesMs[Math.min(asked, pausesMs.length - 1)] ?? 0);
    }
  } finally {
    stay.close();
  }
}

/** Waits until something is so, as `waitFor` does. Resolves with how long that took, in milliseconds. */
export async function waitUntil(isTrue: () => Promise<boolean> | boolean, limit?: WaitLimit): Promise<number> {
  const startMs = systemClock.monotonicMs();
  await waitFor(async () => (await isTrue()) || undefined, limit);
  return systemClock.monotonicMs() - startMs;
}
