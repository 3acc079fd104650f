import type { RateLimit } from "./limiter.ts";

const maxUnits = 1_000_000_000;
const maxWindowMs = 31 * 86_400_000;
const maxKeyChars = 512;

/**
 * Throws a RangeError unless a rate's numbers are integers within bounds and their products exact. Units times
 * milliseconds must stay below 2^52, so that no sum of ours is ever rounded.
 */
export function checkRate(rate: RateLimit): void {
  const burst = rate.kind === "token_bucket" ? (rate.burst ?? rate.limit) : rate.limit;
  checkInteger("limit", rate.limit, 1, maxUnits);
  checkInteger("burst", burst, 1, maxUnits);
  checkInteger("windowMs", rate.windowMs, 1, maxWindowMs);
  if (Math.max(rate.limit, burst) * rate.windowMs > 2 ** 52) {
    throw new RangeError("limit and burst times windowMs must not exceed 2^52: use a shorter window");
  }
}

/** Throws a RangeError for a key or a count that no limiter takes. */
export function checkTake(key: string, count: number): void {
  if (key.length > maxKeyChars) throw new RangeError(`a limit's key has at most ${maxKeyChars} characters`);
  if (!(count >= 0 && Number.isSafeInteger(count))) throw new RangeError("count must be an integer from 0");
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be an integer from ${min} to ${max}`);
}
