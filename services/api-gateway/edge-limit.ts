import type { Limiter, RateLimit } from "@lyss/kit/resilience/limiter.ts";
import { createLimiterEntries } from "@lyss/kit/resilience/limiter-entries.ts";
import { createLimitHeaders } from "@lyss/kit/resilience/limiter-headers.ts";
import { createLimiter } from "@lyss/kit/resilience/limiter-in-memory.ts";
import { type FailSoftLimiter, withLocalShare } from "@lyss/kit/resilience/limiter-local-share.ts";
import { createRedisLimiter } from "@lyss/kit/resilience/redis-limiter.ts";
import type { ScriptRunner } from "@lyss/kit/resilience/redis-limiter-connection.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";

export interface EdgeLimitDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the limits are shared by all processes; in this one's memory unless given. */
  readonly redis: ScriptRunner | undefined;
}

/** A rate by key, counted here or in Redis, and what clients are told of it. */
export interface EdgeLimit {
  readonly rate: RateLimit;
  readonly processes: number;
  readonly memory: Limiter | undefined;
  readonly shared: FailSoftLimiter | undefined;
  readonly headersOf: ReturnType<typeof createLimitHeaders>;
}

export interface EdgeLimitOptions {
  /** As clients and Redis know it. */
  readonly name: string;
  readonly rate: RateLimit;
  readonly processes: number;
  readonly maxKeys?: number;
}

export function createEdgeLimit(options: EdgeLimitOptions, { clock, log, redis }: EdgeLimitDeps): EdgeLimit {
  const { name, rate, processes, maxKeys } = options;
  const shared = redis && createRedisLimiter(rate, { redis, name: `edge-${name}` });
  return {
    ...{ rate, processes },
    memory: redis ? undefined : createLimiter(rate, { clock, maxKeys }),
    shared: shared && withLocalShare(shared, { clock, log, processes, maxKeys }),
    headersOf: createLimitHeaders({ clock, rate, name, ...(maxKeys !== undefined && { maxKeys }) }),
  };
}

/** The rate that each API key has been given for itself. */
export interface OwnLimits {
  /** The same limit, with its count, as long as the rate is. */
  limitOf(keyId: string, requestsPerMinute: number, processes: number): EdgeLimit;
}

/** Remembers those of the 100,000 keys that were used last. */
export function createOwnLimits(deps: EdgeLimitDeps): OwnLimits {
  const known = createLimiterEntries<{ limit: EdgeLimit | undefined }>(() => ({ limit: undefined }));
  return {
    limitOf(keyId, requestsPerMinute, processes) {
      const entry = known.use(keyId);
      if (entry.limit?.rate.limit !== requestsPerMinute || entry.limit.processes !== processes) {
        const rate = { kind: "token_bucket", limit: requestsPerMinute, windowMs: 60_000 } as const;
        entry.limit = createEdgeLimit({ name: "key-own", rate, processes, maxKeys: 1 }, deps);
      }
      return entry.limit;
    },
  };
}
