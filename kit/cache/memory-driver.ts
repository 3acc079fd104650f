import type { Clock } from "../service/clock.ts";
import type { CacheDriver } from "./cache-driver.ts";
import { createLru } from "./lru.ts";

/** A second tier in this process: for tests, and to see what a driver has to do. Bounded to `maxEntries` texts and marks. */
export function createMemoryDriver({
  clock,
  maxEntries,
}: {
  readonly clock: Clock;
  readonly maxEntries: number;
}): CacheDriver {
  const texts = createLru<{ readonly text: string; readonly stamp: string; readonly untilMs: number }>({ maxEntries });
  const marks = createLru<number>({ maxEntries });
  let lastMark = 0;

  function markOf(name: string): number {
    const known = marks.get(name);
    if (known !== undefined) return known;
    marks.set(name, ++lastMark);
    return lastMark;
  }

  return {
    async read(key, names) {
      const stamp = names.map(markOf).join(" ");
      const stored = texts.get(key);
      const isValid = stored !== undefined && stored.stamp === stamp && stored.untilMs > clock.monotonicMs();
      return { text: isValid ? stored.text : undefined, stamp };
    },
    async write(key, text, ttlMs, stamp) {
      texts.set(key, { text, stamp, untilMs: clock.monotonicMs() + ttlMs });
    },
    async withdraw(names) {
      for (const name of names) marks.delete(name);
    },
  };
}
