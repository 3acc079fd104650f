import type { Clock } from "../service/clock.ts";

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Moves both times forward and calls, in order of their due time, every timer that falls due on the way. */
  advance(durationMs: number): void;
  /** How many timers are set and neither called nor cancelled. */
  countTimers(): number;
}

/** A fake clock whose wall time starts at `startMs` (by default 2026-01-01T00:00:00Z) and whose monotonic time at 0. */
export function createFakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<{ readonly dueMs: number; readonly callback: () => void }>();
  let elapsedMs = 0;

  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    setTimer(delayMs, callback) {
      const timer = { dueMs: elapsedMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(durationMs) {
      const endMs = elapsedMs + durationMs;
      for (;;) {
        const [next] = [...timers].filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs);
        if (!next) break;
        timers.delete(next);
        elapsedMs = next.dueMs;
        next.callback();
      }
      elapsedMs = endMs;
    },
    countTimers: () => timers.size,
  };
}
