import type { Clock } from "../service/clock.ts";

/** For lines of which an overload writes a thousand a second, all alike. */
export interface LineLimit {
  /** How many were left out since the last line that was written; undefined where this one is to be left out, too. */
  take(): number | undefined;
}

/** Lets the first `perSecond` of each second through. */
export function createLineLimit({
  clock,
  perSecond,
}: {
  readonly clock: Clock;
  readonly perSecond: number;
}): LineLimit {
  let secondBeganMs = Number.NEGATIVE_INFINITY;
  let written = 0;
  let leftOut = 0;
  return {
    take() {
      const nowMs = clock.monotonicMs();
      if (nowMs - secondBeganMs >= 1_000) {
        secondBeganMs = nowMs;
        written = 0;
      }
      if (written >= perSecond) {
        leftOut++;
        return undefined;
      }
      written++;
      const omitted = leftOut;
      leftOut = 0;
      return omitted;
    },
  };
}
