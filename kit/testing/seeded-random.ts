/** Numbers that look random and are the same for the same seed (mulberry32, T. Ettinger, 2017). */
export interface Seeded {
  /** Evenly from [0, 1). */
  next(): number;
  /** A whole number evenly from `min` to `max`, both included. */
  between(min: number, max: number): number;
}

export function createSeeded(seed: number): Seeded {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return { next, between: (min, max) => min + Math.floor(next() * (max - min + 1)) };
}
