/** How often of late a person's codes were wrong. */
export interface CodeFailures {
  readonly failures: number;
  readonly lastFailedAt: Date;
}

/** This many wrong codes cost nothing but themselves. */
const freeFailures = 4;
/** From this many on, each wrong code locks codes for `lockMs`. */
export const lockingFailures = 10;
const firstWaitMs = 1_000;
const lockMs = 900_000;
const forgetAfterMs = 86_400_000;

/** The failures that still count. */
export function recentCodeFailures({ failures, lastFailedAt }: CodeFailures, nowMs: number): number {
  return nowMs - lastFailedAt.getTime() >= forgetAfterMs ? 0 : failures;
}

/**
 * How long to wait before the next code: nothing at first, 1 s after the fifth wrong one, doubled with each, and fifteen
 * minutes from the tenth on. At three codes in a million that are right at a time, guessing takes years.
 */
export function codeWaitMs(count: CodeFailures, nowMs: number): number {
  const failures = recentCodeFailures(count, nowMs);
  if (failures <= freeFailures) return 0;
  const pauseMs = failures >= lockingFailures ? lockMs : firstWaitMs * 2 ** (failures - freeFailures - 1);
  return Math.max(0, count.lastFailedAt.getTime() + pauseMs - nowMs);
}
