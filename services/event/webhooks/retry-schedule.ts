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

/** How long `Retry-After` (RFC 9110: seconds, or a date) asks to be left alone; 0 where it asks for nothing. */
export function readRetryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
