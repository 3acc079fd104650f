import type { Limiter, RateLimit } from "@lyss/kit/resilience/limiter.ts";
import { createLimiterEntries } from "@lyss/kit/resilience/limiter-entries.ts";
import { createLimitHeaders } from "@lyss/kit/resilience/limiter-headers.ts";
import { createLimiter } from "@lyss/kit/resilience/limiter-in-memory.ts";
import { type FailSoftLimiter, withLocalShare } from "@lyss/kit/resilience/limiter-local-share.ts";
import { createRedisLimiter } from "@lyss/kit/resilience/redis-limiter.ts";
import type { ScriptRunner } from "@lyss/kit/resilience/redis-limiter-connection.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";

export interface EdgeLimitDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the limits are shared by all nodes; in memory unless given. */
  readonly redis: ScriptRunner | undefined;
  /** What the processes of this node count together where they count in memory. */
  readonly sharedCounts: SharedCounts;
}

/** A rate by key, counted here or in Redis, and what clients are told of it. */
export interface EdgeLimit {
  readonly rate: RateLimit;
  readonly processes: number;
  readonly memory: Limiter | undefined;
  readonly shared: FailSoftLimiter | undefined;
  readonly headersOf: ReturnType<typeof createLimitHeaders>;
  /** Tells the processes that count with this one that one of a key's was taken. */
  readonly noteTaken: (key: string) => void;
}

export interface EdgeLimitOptions {
  /** As clients and Redis know it. */
  readonly name: string;
  readonly rate: RateLimit;
  readonly processes: number;
  readonly maxKeys?: number;
  readonly noteTaken: (key: string) => void;
}

export function createEdgeLimit(
  options: EdgeLimitOptions,
  { clock, log, redis }: Omit<EdgeLimitDeps, "sharedCounts">,
): EdgeLimit {
  const { name, rate, processes, maxKeys, noteTaken } = options;
  const shared = redis && createRedisLimiter(rate, { redis, name: `edge-${name}` });
  return {
    ...{ rate, processes, noteTaken },
    memory: redis ? undefined : createLimiter(rate, { clock, maxKeys }),
    shared: shared && withLocalShare(shared, { clock, log, processes, maxKeys }),
    headersOf: createLimitHeaders({ clock, rate, name, ...(maxKeys !== undefined && { maxKeys }) }),
  };
}

/** Who has been given a rate, and which. */
export interface OwnRate {
  /** As clients and Redis know the limit. */
  readonly name: string;
  /** Of the key, person or group. */
  readonly id: string;
  readonly requestsPerMinute: number;
  readonly processes: number;
}

/** The rate that each API key, person or group has been given for itself. */
export interface OwnLimits {
  /** The same limit, with its count, as long as the rate is. */
  limitOf(rate: OwnRate): EdgeLimit;
}

/** Remembers those of the 100,000 that were used last. */
export function createOwnLimits(deps: EdgeLimitDeps): OwnLimits {
  const known = createLimiterEntries<{ limit: EdgeLimit | undefined }>(() => ({ limit: undefined }));

  function limitOf({ name, id, requestsPerMinute, processes }: OwnRate): EdgeLimit {
    const entry = known.use(id);
    if (entry.limit?.rate.limit !== requestsPerMinute || entry.limit.processes !== processes) {
      const rate = { kind: "token_bucket", limit: requestsPerMinute, windowMs: 60_000 } as const;
      // A process that has not met the key yet learns the rate from this.
      const sharedKey = JSON.stringify([name, id, requestsPerMinute, processes]);
      const noteTaken = () => note(sharedKey, 1);
      entry.limit = createEdgeLimit({ name, rate, processes, maxKeys: 1, noteTaken }, deps);
    }
    return entry.limit;
  }

  const note = deps.sharedCounts.openTaken("edge-key-own", (sharedKey, count) => {
    const [name, id, requestsPerMinute, processes] = JSON.parse(sharedKey) as [string, string, number, number];
    limitOf({ name, id, requestsPerMinute, processes }).memory?.charge(id, count);
  });
  return { limitOf };
}
