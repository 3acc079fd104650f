import { foldDecisions, type LimitDecision, type RateLimit, type SharedLimiter } from "./limiter.ts";
import { checkRate, checkTake } from "./limiter-bounds.ts";
import type { ScriptRunner } from "./redis-limiter-connection.ts";
import { takeScript } from "./redis-limiter-script.ts";

export interface RedisLimiterOptions {
  readonly redis: ScriptRunner;
  /** Limits of the same name on the same Redis are one. Lower-case letters, digits, `-`, `_` and `.`, at most 64. */
  readonly name: string;
}

/** A limiter on Redis. `take` rejects with the driver's error when Redis does not answer: see `withLocalShare`. */
export interface RedisLimiter extends SharedLimiter {
  readonly name: string;
}

/**
 * A limit per key, shared by every process that uses the same Redis, single or cluster. One round trip a take, decided
 * inside Redis by Redis's clock; keys expire by themselves. Throws a RangeError for a rate or a name out of bounds.
 */
export function createRedisLimiter(rate: RateLimit, { redis, name }: RedisLimiterOptions): RedisLimiter {
  checkRate(rate);
  if (!/^[a-z0-9_.-]{1,64}$/.test(name)) throw new RangeError(`'${name}' is no name for a limit`);
  const limiter: RedisLimiter = {
    rate,
    name,
    async take(key, count = 1) {
      return takeAllShared(redis, [{ limiter, key, count }]);
    },
  };
  return limiter;
}

/** One of several shared limits that a request must pass. */
export interface SharedClaim {
  readonly limiter: RedisLimiter;
  readonly key: string;
  readonly count?: number;
}

/**
 * Takes from all limits or from none, in one round trip. Keys must begin with the same part (`limitKey`), because a
 * cluster decides only over keys of one node. Throws a TypeError for keys that do not, for a limit claimed twice, and
 * for no claim; a RangeError for a key or count that no limiter takes.
 */
export async function takeAllShared(redis: ScriptRunner, claims: readonly SharedClaim[]): Promise<LimitDecision> {
  const keys = claims.map(({ limiter, key, count = 1 }) => {
    checkTake(key, count);
    return toRedisKey(limiter.name, key);
  });
  if (new Set(keys).size < keys.length) throw new TypeError("a limit is claimed twice for one key");
  if (new Set(claims.map(({ key }) => firstPart(key))).size > 1) {
    throw new TypeError("limits taken as one need keys with the same first part");
  }
  if (claims.length === 0) throw new TypeError("there is no limit to take from");
  const args = claims.flatMap(({ limiter: { rate }, count = 1 }) => {
    const most = rate.kind === "token_bucket" ? (rate.burst ?? rate.limit) : rate.limit;
    return [rate.kind, rate.limit, rate.windowMs, most, count];
  });
  const reply = await redis.run(takeScript, keys, args);
  return foldDecisions(readReply(reply, claims.length));
}

/** `limit:{tenant}/user:name`: a cluster places a key by what stands between the braces. */
function toRedisKey(name: string, key: string): string {
  const tag = firstPart(key);
  return `limit:{${tag}}${key.slice(tag.length)}:${name}`;
}

function firstPart(key: string): string {
  const end = key.indexOf("/");
  return end < 0 ? key : key.slice(0, end);
}

function readReply(reply: unknown, size: number): LimitDecision[] {
  if (!Array.isArray(reply) || reply.length !== size * 3) throw new Error("Redis answered a take with something else");
  return Array.from({ length: size }, (_, index): LimitDecision => {
    const [isAllowed, remaining, ms] = reply.slice(index * 3, index * 3 + 3).map(Number) as [number, number, number];
    if (isAllowed === 1) return { isAllowed: true, remaining, resetMs: ms };
    return { isAllowed: false, remaining, retryAfterMs: ms < 0 ? Number.POSITIVE_INFINITY : ms };
  });
}
