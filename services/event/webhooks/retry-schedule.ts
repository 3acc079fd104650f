/** Standard Webhooks' own schedule: ten tries in 75 hours and 35 minutes. */
const delaysMs: readonly number[] = [
  ...[5_000, 300_000, 1_800_000, 7_200_000, 18_000_000],
  ...[36_000_000, 50_400_000, 72_000_000, 86_400_000],
];
const longestHintMs = 86_400_000;

/** When a message is tried again of which so many tries have failed, the last at `nowMs`; undefined where it is given up. */
export function nextTryMs(tries: number, nowMs: number, retryAfterMs = 0): number | undefined {
  const delayMs = delaysMs[tries - 1];
  return delayMs === undefined ? undefined : nowMs + Math.max(delayMs, Math.min(retryAfterMs, longestHintMs));
}
