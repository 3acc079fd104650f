/** A plain decimal number of a unit, in whole milliseconds, rounded up; undefined for what is none, or longer than nine digits. */
export function readMs(text: string | undefined, unitMs: number): number | undefined {
  return text !== undefined && /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Math.ceil(Number(text) * unitMs) : undefined;
}

/** The time of a date as HTTP writes them (RFC 9110, 5.6.7), in milliseconds of Unix; undefined for what is none. */
export function readHttpDateMs(text: string | undefined): number | undefined {
  const ms = text?.endsWith(" GMT") ? Date.parse(text) : Number.NaN;
  return Number.isFinite(ms) ? ms : undefined;
}

/**
 * How long `Retry-After` asks to be left alone (RFC 9110, 10.2.3): seconds, of which some servers write a part, or a date, counted from `nowMs`; 0 where
 * that is over. Undefined where it asks for nothing that is known, and for a date where `nowMs` is not.
 */
export function readRetryAfterMs(text: string | undefined, nowMs: number | undefined): number | undefined {
  const untilMs = readHttpDateMs(text);
  if (untilMs === undefined) return readMs(text, 1_000);
  return nowMs === undefined ? undefined : Math.max(0, untilMs - nowMs);
}
