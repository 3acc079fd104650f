/** A count over the last while, in steps: what is more than the window and a step ago is forgotten. */
export interface CountWindow {
  add(count: number, nowMs: number): void;
  /** Never less than what was added within the window. */
  sum(nowMs: number): number;
  /** Milliseconds until the sum has fallen to `most`, if nothing is added; 0 when it has. */
  waitMs(most: number, nowMs: number): number;
}

const steps = 12;

/** In monotonic milliseconds. Thirteen numbers, however much is counted. */
export function createCountWindow(windowMs: number): CountWindow {
  const stepMs = windowMs / steps;
  const counts = new Float64Array(steps + 1);
  let newest = 0;
  let total = 0;

  function advance(nowMs: number): void {
    const step = Math.floor(nowMs / stepMs);
    const passed = Math.min(step - newest, counts.length);
    for (let at = 0; at < passed; at++) {
      const slot = (newest + 1 + at) % counts.length;
      total -= counts[slot] ?? 0;
      counts[slot] = 0;
    }
    if (passed === counts.length) total = 0;
    // Time that steps back keeps what was counted for longer.
    newest = Math.max(newest, step);
  }

  return {
    add(count, nowMs) {
      advance(nowMs);
      const slot = newest % counts.length;
      counts[slot] = (counts[slot] ?? 0) + count;
      total += count;
    },
    sum(nowMs) {
      advance(nowMs);
      return total;
    },
    waitMs(most, nowMs) {
      advance(nowMs);
      let left = total;
      for (let step = newest - steps; left > most && step <= newest; step++) {
        if (step < 0) continue;
        left -= counts[step % counts.length] ?? 0;
        if (left <= most) return Math.max(1, Math.ceil((step + counts.length) * stepMs - nowMs));
      }
      return 0;
    },
  };
}
