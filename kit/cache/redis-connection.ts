import type { Redis } from "ioredis";

export interface RedisCacheOptions {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://`. */
  readonly url: string;
  /** Goes before every key and channel, such as `lyss:`. */
  readonly prefix: string;
}

/**
 * A connection that never makes a caller wait for one: while it is away commands fail at once, and it comes back by
 * itself. ioredis is loaded here, on first use.
 */
export async function connectRedis(url: string): Promise<Redis> {
  const { Redis: Client } = await import("ioredis");
  const redis = new Client(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // It would leave its own subscription to nobody: one that fails would end the process. Who subscribes does so at each `ready`.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 1_000),
  });
  // Each command tells its own failure; without a listener the connection's would end the process.
  redis.on("error", () => undefined);
  await redis.connect().catch(() => undefined);
  return redis;
}
