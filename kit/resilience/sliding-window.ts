import type { LimitDecision, Limiter, MemoryLimiterOptions, SlidingWindowLimit } from "./limiter.ts";
import { checkRate, checkTake } from "./limiter-bounds.ts";
import { createLimiterEntries } from "./limiter-entries.ts";

interface WindowState {
  /** Number of the window that `current` counts. */
  window: number;
  previous: number;
  current: number;
}

/**
 * A sliding-window counter per key: what was taken in the window before counts for as much of it as the sliding window
 * still covers (blog.cloudflare.com/counting-things-a-lot-of-different-things). All sums are integers: units times
 * milliseconds.
 */
export function createSlidingWindow(rate: SlidingWindowLimit, { clock, maxKeys }: MemoryLimiterOptions): Limiter {
  checkRate(rate);
  const { limit, windowMs } = rate;
  const createState = (): WindowState => ({ window: 0, previous: 0, current: 0 });
  const entries = createLimiterEntries(createState, maxKeys);

  function roll(state: WindowState, window: number): void {
    if (window === state.window) return;
    // When time stepped back, both counts stand as they are: nothing is let through early, nor held for long.
    if (window > state.window) {
      state.previous = window === state.window + 1 ? state.current : 0;
      state.current = 0;
    }
    state.window = window;
  }

  /** Takes from `state`, if there is enough. */
  function decide(state: WindowState, count: number): LimitDecision {
    const nowMs = Math.floor(clock.monotonicMs());
    roll(state, Math.floor(nowMs / windowMs));
    const leftMs = (state.window + 1) * windowMs - nowMs;
    const free = (limit - state.current) * windowMs - state.previous * leftMs;
    if (count * windowMs > free) {
      const remaining = Math.max(0, Math.floor(free / windowMs));
      return { isAllowed: false, remaining, retryAfterMs: waitMs(state, count, leftMs) };
    }
    state.current += count;
    const remaining = Math.floor((free - count * windowMs) / windowMs);
    return { isAllowed: true, remaining, resetMs: resetMs(state.previous, state.current, leftMs) };
  }

  /** Until the sliding window no longer covers what was taken. */
  function resetMs(previous: number, current: number, leftMs: number): number {
    if (current > 0) return leftMs + windowMs;
    return previous > 0 ? leftMs : 0;
  }

  function waitMs({ previous, current }: WindowState, count: number, leftMs: number): number {
    if (count > limit) return Number.POSITIVE_INFINITY;
    // Of the window before, only so many milliseconds may still be covered.
    if (current + count <= limit) return leftMs - Math.floor(((limit - current - count) * windowMs) / previous);
    return leftMs + windowMs - Math.floor(((limit - count) * windowMs) / current);
  }

  return {
    rate,
    take(key, count = 1) {
      checkTake(key, count);
      return decide(entries.use(key), count);
    },
    peek(key, count = 1) {
      checkTake(key, count);
      return decide({ ...(entries.find(key) ?? createState()) }, count);
    },
    charge(key, count) {
      checkTake(key, count);
      const state = entries.use(key);
      roll(state, Math.floor(Math.floor(clock.monotonicMs()) / windowMs));
      state.current += count;
    },
    stats: () => ({ keys: entries.countKeys(), evictions: entries.countEvictions() }),
  };
}
