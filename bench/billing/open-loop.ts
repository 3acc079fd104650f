import { delay, systemClock } from "@lyss/kit/service/clock.ts";

/** Times of one kind, from when something was due until it was done. */
export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Begins `perSecond` calls a second for so long, whatever becomes of those before: a system that falls behind is not spared the
 * calls that it delays. `call` is told when its call was due, in milliseconds of the monotonic clock, and what it takes counts from
 * then. Resolves when all have ended; rejects with what the first that failed rejects with.
 */
export async function callAtRate(
  { seconds, perSecond }: { readonly seconds: number; readonly perSecond: number },
  call: (dueMs: number) => Promise<void>,
): Promise<void> {
  const startMs = systemClock.monotonicMs();
  const calls: Promise<void>[] = [];
  while (calls.length < seconds * perSecond) {
    const dueMs = startMs + (calls.length * 1_000) / perSecond;
    if (dueMs > systemClock.monotonicMs()) {
      await delay(systemClock, 1);
      continue;
    }
    const calling = call(dueMs);
    // Heard of at the end; unheard meanwhile it would end the process.
    calling.catch(() => undefined);
    calls.push(calling);
  }
  await Promise.all(calls);
}

/** Keeps times and sorts them once. */
export function createLatencies() {
  const times: number[] = [];
  return {
    addSince: (dueMs: number) => void times.push(systemClock.monotonicMs() - dueMs),
    read(): Latencies {
      const sorted = Float64Array.from(times).sort();
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
      return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    },
  };
}
