import type { Limiter, MemoryLimiterOptions, RateLimit } from "./limiter.ts";
import { createSlidingWindow } from "./sliding-window.ts";
import { createTokenBucket } from "./token-bucket.ts";

/** A limiter in memory. Steps of the wall clock do not reach it. Throws a RangeError for a rate out of bounds. */
export function createLimiter(rate: RateLimit, options: MemoryLimiterOptions): Limiter {
  return rate.kind === "token_bucket" ? createTokenBucket(rate, options) : createSlidingWindow(rate, options);
}
