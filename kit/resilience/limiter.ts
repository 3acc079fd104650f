import type { Clock } from "../service/clock.ts";

/** Lets `limit` units through per `windowMs`, evenly, and up to `burst` of them at once. */
export interface TokenBucketLimit {
  readonly kind: "token_bucket";
  /** Units per window, 1 to 1e9. */
  readonly limit: number;
  /** 1 ms to 31 days. */
  readonly windowMs: number;
  /** Units in a full bucket; `limit` where absent. */
  readonly burst?: number;
}

/** Lets `limit` units through in any `windowMs`, as far as two counters can tell. */
export interface SlidingWindowLimit {
  readonly kind: "sliding_window";
  readonly limit: number;
  readonly windowMs: number;
}

export type RateLimit = TokenBucketLimit | SlidingWindowLimit;

/** The answer to one take. */
export type LimitDecision =
  | {
      readonly isAllowed: true;
      /** Units that could still be taken now. */
      readonly remaining: number;
      /** Milliseconds, rounded up, until the limit is whole again if nothing more is taken. */
      readonly resetMs: number;
    }
  | {
      readonly isAllowed: false;
      readonly remaining: number;
      /** Milliseconds, rounded up, until the same take would succeed; Infinity when it asks for more than fits at all. */
      readonly retryAfterMs: number;
    };

export interface LimiterStats {
  readonly keys: number;
  /** Keys forgotten to make room for others. When it rises steadily, `maxKeys` is too low for the traffic. */
  readonly evictions: number;
}

/** A limit per key, in this process. */
export interface Limiter {
  readonly rate: RateLimit;
  /**
   * Takes `count` units (an integer from 0, by default 1), or none when there are not that many. Throws a RangeError for
   * any other count and for a key of more than 512 characters. A repeat takes again.
   */
  take(key: string, count?: number): LimitDecision;
  /** What `take` would answer, without taking. */
  peek(key: string, count?: number): LimitDecision;
  /**
   * Takes `count` units whether they are there or not, because they were let through elsewhere. What is owed beyond the limit has to
   * flow back before the next take succeeds.
   */
  charge(key: string, count: number): void;
  stats(): LimiterStats;
}

/** A limit per key, shared by processes. Same rules as `Limiter`; see the implementation for what a lost store does. */
export interface SharedLimiter {
  readonly rate: RateLimit;
  take(key: string, count?: number): Promise<LimitDecision>;
}

export interface MemoryLimiterOptions {
  readonly clock: Clock;
  /** Keys remembered at a time; beyond it the one not used for longest is forgotten. */
  readonly maxKeys?: number | undefined;
}

/** One of several limits that a request must pass. */
export interface LimitClaim {
  readonly limiter: Limiter;
  readonly key: string;
  readonly count?: number;
}

/**
 * Takes from all limits or from none. An allowed answer is the scarcest of them, a refused one the one to wait for
 * longest. Throws a TypeError when a limiter is named twice with one key, or when there is no claim at all.
 */
export function takeAll(claims: readonly LimitClaim[]): LimitDecision {
  claims.forEach((claim, index) => {
    const isTwin = (other: LimitClaim) => other.limiter === claim.limiter && other.key === claim.key;
    if (claims.findIndex(isTwin) !== index) throw new TypeError("a limit is claimed twice for one key");
  });
  const preview = foldDecisions(claims.map(({ limiter, key, count }) => limiter.peek(key, count)));
  if (!preview.isAllowed) return preview;
  return foldDecisions(claims.map(({ limiter, key, count }) => limiter.take(key, count)));
}

/** One answer for several: refused if any is, with the longest wait; else the scarcest. */
export function foldDecisions(decisions: readonly LimitDecision[]): LimitDecision {
  if (decisions.length === 0) throw new TypeError("there is no limit to take from");
  return decisions.reduce((worst, decision) => {
    if (worst.isAllowed && decision.isAllowed) return decision.remaining < worst.remaining ? decision : worst;
    if (worst.isAllowed) return decision;
    if (decision.isAllowed) return worst;
    return decision.retryAfterMs > worst.retryAfterMs ? decision : worst;
  });
}

/**
 * A key made of parts, such as tenant, user and API key: two lists of parts give one key only if they are equal. On a
 * Redis cluster, keys with the same first part lie on the same node.
 */
export function limitKey(...parts: readonly string[]): string {
  return parts.map((part) => part.replace(/[%/{}]/g, encodeURIComponent)).join("/");
}
