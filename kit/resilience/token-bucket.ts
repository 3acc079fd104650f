import type { LimitDecision, Limiter, MemoryLimiterOptions, TokenBucketLimit } from "./limiter.ts";
import { checkRate, checkTake } from "./limiter-bounds.ts";
import { createLimiterEntries } from "./limiter-entries.ts";

interface BucketState {
  /** What has been taken and not yet flowed back, in units times `windowMs`: integers, so nothing is ever rounded. */
  debt: number;
  atMs: number;
}

/**
 * A token bucket per key by GCRA, in its form as a meter that leaks (ITU-T I.371, annex A): a take of n units adds
 * n·windowMs to the debt, each millisecond pays off `limit`, and no take brings the debt above burst·windowMs.
 */
export function createTokenBucket(rate: TokenBucketLimit, { clock, maxKeys }: MemoryLimiterOptions): Limiter {
  checkRate(rate);
  const { limit, windowMs } = rate;
  const maxDebt = (rate.burst ?? limit) * windowMs;
  const entries = createLimiterEntries<BucketState>(() => ({ debt: 0, atMs: 0 }), maxKeys);

  function debtAt({ debt, atMs }: BucketState, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - atMs);
    return Math.max(0, debt - elapsedMs * limit);
  }

  function decide(state: BucketState, count: number, isTaken: boolean): LimitDecision {
    const nowMs = Math.floor(clock.monotonicMs());
    const debt = debtAt(state, nowMs);
    const nextDebt = debt + count * windowMs;
    if (nextDebt > maxDebt) {
      const isPossible = count * windowMs <= maxDebt;
      return {
        isAllowed: false,
        remaining: Math.max(0, Math.floor((maxDebt - debt) / windowMs)),
        retryAfterMs: isPossible ? Math.ceil((nextDebt - maxDebt) / limit) : Number.POSITIVE_INFINITY,
      };
    }
    if (isTaken) {
      state.debt = nextDebt;
      // Also when time stepped back: what is owed then flows back from here, instead of standing still until time catches up.
      state.atMs = nowMs;
    }
    const remaining = Math.floor((maxDebt - nextDebt) / windowMs);
    return { isAllowed: true, remaining, resetMs: Math.ceil(nextDebt / limit) };
  }

  return {
    rate,
    take(key, count = 1) {
      checkTake(key, count);
      return decide(entries.use(key), count, true);
    },
    peek(key, count = 1) {
      checkTake(key, count);
      return decide(entries.find(key) ?? { debt: 0, atMs: 0 }, count, false);
    },
    charge(key, count) {
      checkTake(key, count);
      const state = entries.use(key);
      const nowMs = Math.floor(clock.monotonicMs());
      state.debt = Math.min(Number.MAX_SAFE_INTEGER, debtAt(state, nowMs) + count * windowMs);
      state.atMs = nowMs;
    },
    stats: () => ({ keys: entries.countKeys(), evictions: entries.countEvictions() }),
  };
}
