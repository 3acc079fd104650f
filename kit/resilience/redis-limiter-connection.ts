import { createHash } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import type { Secret } from "../config/secret.ts";

/** What the limiter needs of Redis: run a script on keys that lie together. */
export interface ScriptRunner {
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisConnectionOptions {
  /** One server, or some nodes of a cluster, from which the others are learned. */
  readonly server: RedisNode | { readonly cluster: readonly RedisNode[] };
  readonly username?: string;
  readonly password?: Secret;
  readonly isTls?: boolean;
  /** Limit of one command, connection included. */
  readonly timeoutMs?: number;
}

export interface RedisConnection extends ScriptRunner {
  /** Closes it; commands under way fail. */
  close(): void;
}

/**
 * Connects in the background and stays at it, at most 1 s between tries. While there is no connection a command fails at
 * once: nothing is queued, so a lost Redis costs no memory and no waiting. Loads `ioredis` on the first use.
 */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  const { server, username, password, isTls = false, timeoutMs = 50 } = options;
  const { Cluster, Redis } = await import("ioredis");
  const retryDelayMs = (attempt: number) => Math.min(1_000, 50 * 2 ** Math.min(attempt, 5));
  const perNode = {
    commandTimeout: timeoutMs,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(isTls && { tls: {} }),
  };
  const client: Redis | Cluster =
    "cluster" in server
      ? new Cluster([...server.cluster], {
          enableOfflineQueue: false,
          clusterRetryStrategy: retryDelayMs,
          slotsRefreshTimeout: 1_000,
          redisOptions: perNode,
        })
      : new Redis({ ...server, ...perNode, retryStrategy: retryDelayMs });
  // Without a listener ioredis prints each failed try. Who runs a script hears of it by its rejection.
  client.on("error", () => {});
  return { run: createScriptRunner(client).run, close: () => client.disconnect() };
}

/** Runs scripts by their digest, and sends the text only to a server that does not know it yet. */
export function createScriptRunner(client: Pick<Redis | Cluster, "eval" | "evalsha">): ScriptRunner {
  const digests = new Map<string, string>();
  return {
    async run(script, keys, args) {
      const digest = digests.get(script) ?? createHash("sha1").update(script).digest("hex");
      digests.set(script, digest);
      try {
        return await client.evalsha(digest, keys.length, ...keys, ...args);
      } catch (err) {
        if (!(err instanceof Error && err.message.startsWith("NOSCRIPT"))) throw err;
        return client.eval(script, keys.length, ...keys, ...args);
      }
    },
  };
}
