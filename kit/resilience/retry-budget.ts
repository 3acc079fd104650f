import type { Clock } from "../service/clock.ts";

export interface RetryBudgetOptions {
  /** How many retries each request earns, 0–1: 0.1 allows one retry for ten requests. Counted in thousandths. */
  readonly ratio: number;
  /** Retries in hand for times of little traffic. Once spent, it comes back only while requests succeed. */
  readonly reserve: number;
  /** After this long what a request earned is gone, and within this long successes fill the reserve. */
  readonly windowMs: number;
}

/** Bounds retries by traffic, so that a peer that is down is not hit the harder for it. */
export interface RetryBudget {
  /** Notes a request, not its retries. */
  request(): void;
  /** Notes that a request has ended well. */
  success(): void;
  /** Takes one retry; false when there is none. */
  take(): boolean;
  /** Notes that a retry that was taken has ended well: it has burdened nobody, and is in hand again as far as the reserve holds it. */
  giveBack(): void;
  /** New limits from now on. What was earned and spent stays. */
  update(options: RetryBudgetOptions): void;
  /** Retries that could be taken now, in thousandths. */
  balanceMilli(): number;
}

/** What is earned expires slot by slot, so after nine to ten tenths of `windowMs`. */
const slots = 10;
/** One retry. Counting in whole numbers keeps the balance exact. */
const retryMilli = 1_000;

/**
 * A retry budget, after Finagle's (twitter.github.io/finagle/guide/Clients.html#retries), which differs in its floor: a
 * floor that grows with time would let retries through for as long as an outage lasts. Here the number of retries is at
 * most `ratio × requests + reserve` while nothing succeeds, and grows by at most `reserve` per window while something
 * does. What succeeds after a retry can give that retry back: then as many as the reserve can be under way at a time, and
 * only those that fail are used up. O(1), allocates nothing.
 */
export function createRetryBudget(options: RetryBudgetOptions, { clock }: { readonly clock: Clock }): RetryBudget {
  let limits = options;
  let earnedPerRequest = Math.round(options.ratio * retryMilli);
  const earned = new Uint32Array(slots);
  let slot = 0;
  let earnedTotal = 0;
  let reserveMilli = options.reserve * retryMilli;
  const times = { slotEndMs: clock.monotonicMs(), refilledMs: clock.monotonicMs() };

  /** Drops what has expired. A clock that steps back makes nothing expire sooner. */
  function expire(nowMs: number): void {
    if (nowMs < times.slotEndMs) return;
    const slotMs = limits.windowMs / slots;
    const passed = Math.floor((nowMs - times.slotEndMs) / slotMs) + 1;
    for (let step = Math.min(passed, slots); step > 0; step--) {
      slot = (slot + 1) % slots;
      earnedTotal -= earned[slot] ?? 0;
      earned[slot] = 0;
    }
    times.slotEndMs += passed * slotMs;
  }

  /** Takes from the oldest slot first, then from the reserve. The caller has made sure that there is enough. */
  function spend(nowMs: number): void {
    let due = retryMilli;
    for (let age = 1; age <= slots; age++) {
      const index = (slot + age) % slots;
      const part = Math.min(due, earned[index] ?? 0);
      earned[index] = (earned[index] ?? 0) - part;
      earnedTotal -= part;
      due -= part;
    }
    if (reserveMilli === limits.reserve * retryMilli) times.refilledMs = nowMs;
    reserveMilli -= due;
  }

  return {
    request() {
      expire(clock.monotonicMs());
      earned[slot] = (earned[slot] ?? 0) + earnedPerRequest;
      earnedTotal += earnedPerRequest;
    },
    success() {
      const fullMilli = limits.reserve * retryMilli;
      if (reserveMilli >= fullMilli) return;
      const nowMs = clock.monotonicMs();
      const gainMilli = Math.floor((fullMilli * (nowMs - times.refilledMs)) / limits.windowMs);
      if (gainMilli <= 0) return;
      reserveMilli = Math.min(fullMilli, reserveMilli + gainMilli);
      times.refilledMs = nowMs;
    },
    take() {
      const nowMs = clock.monotonicMs();
      expire(nowMs);
      if (earnedTotal + reserveMilli < retryMilli) return false;
      spend(nowMs);
      return true;
    },
    giveBack() {
      reserveMilli = Math.max(reserveMilli, Math.min(limits.reserve * retryMilli, reserveMilli + retryMilli));
    },
    update(next) {
      limits = next;
      earnedPerRequest = Math.round(next.ratio * retryMilli);
      reserveMilli = Math.min(reserveMilli, next.reserve * retryMilli);
    },
    balanceMilli() {
      expire(clock.monotonicMs());
      return earnedTotal + reserveMilli;
    },
  };
}
