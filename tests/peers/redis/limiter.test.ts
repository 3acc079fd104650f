import assert from "node:assert/strict";
import { after, test } from "node:test";
import { limitKey } from "@lyss/kit/resilience/limiter.ts";
import { testLimiterContract } from "@lyss/kit/resilience/limiter-contract.ts";
import { type LimiterMode, withLocalShare } from "@lyss/kit/resilience/limiter-local-share.ts";
import { createRedisLimiter, takeAllShared } from "@lyss/kit/resilience/redis-limiter.ts";
import {
  connectRedis,
  type RedisConnection,
  type RedisConnectionOptions,
  type ScriptRunner,
} from "@lyss/kit/resilience/redis-limiter-connection.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { startRedis, startRedisCluster } from "@lyss/kit/testing/redis-server.ts";

const connections: RedisConnection[] = [];
const redisByTopology = new Map<string, RedisConnection>();
const timeScript = "return redis.call('TIME')";

after(() => {
  for (const connection of connections) connection.close();
});

/** A connection that serves. */
async function connect(options: RedisConnectionOptions): Promise<RedisConnection> {
  const connection = await connectRedis({ timeoutMs: 2_000, ...options });
  connections.push(connection);
  await untilServed(connection);
  return connection;
}

async function untilServed(redis: ScriptRunner): Promise<void> {
  for (const started = performance.now(); performance.now() - started < 10_000; ) {
    const isServed = await redis.run(timeScript, ["k"], []).then(
      () => true,
      () => false,
    );
    if (isServed) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("Redis is not reachable");
}

const { port } = await startRedis({ after });
redisByTopology.set("single", await connect({ server: { host: "127.0.0.1", port } }));
const cluster = (await startRedisCluster({ after })).map((node) => ({ host: "127.0.0.1", port: node.port }));
redisByTopology.set("cluster", await connect({ server: { cluster } }));

function redisOf(topology: string): RedisConnection {
  const redis = redisByTopology.get(topology);
  if (!redis) throw new Error(`no Redis for ${topology}`);
  return redis;
}

/** The server's own time, some seconds ahead. Only the test shifts it: the limiter has no such setting. */
function withShiftedTime(redis: ScriptRunner): { readonly redis: ScriptRunner; advance(durationMs: number): void } {
  let aheadSeconds = 0;
  return {
    advance(durationMs) {
      aheadSeconds += durationMs / 1_000;
    },
    redis: {
      run: (script, keys, args) =>
        redis.run(
          script.replace(
            "local time = redis.call('TIME')",
            `local time = redis.call('TIME')\ntime[1] = time[1] + ${aheadSeconds}`,
          ),
          keys,
          args,
        ),
    },
  };
}

let limits = 0;

for (const topology of ["single", "cluster"]) {
  testLimiterContract(`Redis ${topology}`, {
    slackMs: 5_000,
    async create(rate) {
      const { redis, advance } = withShiftedTime(redisOf(topology));
      const { take } = createRedisLimiter(rate, { redis, name: `contract-${limits++}` });
      const readTime = "local time = redis.call('TIME')\nreturn time[1] * 1000";
      return { take, advance, nowMs: async () => Number(await redis.run(readTime, ["k"], [])) };
    },
  });

  test(`Redis ${topology}: two processes share one limit, and a thousand takes at once get exactly the limit`, async () => {
    const rate = { kind: "token_bucket", limit: 100, windowMs: 3_600_000 } as const;
    const [left, right] = [1, 2].map(() => createRedisLimiter(rate, { redis: redisOf(topology), name: "shared" }));
    const decisions = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => (index % 2 === 0 ? left : right)?.take(limitKey("t", "k"))),
    );
    assert.equal(decisions.filter((decision) => decision?.isAllowed).length, 100);
  });

  test(`Redis ${topology}: several limits are taken as one`, async () => {
    const redis = redisOf(topology);
    const tenant = createRedisLimiter(
      { kind: "sliding_window", limit: 3, windowMs: 3_600_000 },
      { redis, name: "all" },
    );
    const key = createRedisLimiter(
      { kind: "token_bucket", limit: 100, windowMs: 3_600_000 },
      { redis, name: "all-key" },
    );
    const claim = (count: number) =>
      takeAllShared(redis, [
        { limiter: tenant, key: limitKey("t1") },
        { limiter: key, key: limitKey("t1", "k1"), count },
      ]);
    assert.equal((await claim(60)).isAllowed, true);
    assert.equal((await claim(60)).isAllowed, false);
    assert.equal((await tenant.take(limitKey("t1"), 0)).remaining, 2);
    assert.equal((await claim(40)).remaining, 0);
    await assert.rejects(takeAllShared(redis, []), TypeError);
    const twin = { limiter: tenant, key: "t1" };
    await assert.rejects(takeAllShared(redis, [twin, twin]), TypeError);
    await assert.rejects(takeAllShared(redis, [twin, { limiter: key, key: "t2" }]), TypeError);
  });
}

test("keys leave Redis by themselves once they are of no more use", async () => {
  const redis = redisOf("single");
  const limiter = createRedisLimiter({ kind: "token_bucket", limit: 10, windowMs: 60_000 }, { redis, name: "expiry" });
  await limiter.take("t/k", 5);
  const leftMs = Number(await redis.run("return redis.call('PTTL', KEYS[1])", ["limit:{t}/k:expiry"], []));
  assert.ok(leftMs > 0 && leftMs <= 30_000, `${leftMs}`);
});

test("Redis hangs, dies and returns: a local share meanwhile, never open, each change said once", async (t) => {
  const server = await startRedis(t);
  const redis = await connect({ server: { host: "127.0.0.1", port: server.port }, timeoutMs: 1_000 });
  const rate = { kind: "token_bucket", limit: 40, windowMs: 3_600_000 } as const;
  const said: string[] = [];
  const modes: LimiterMode[] = [];
  const limiter = withLocalShare(createRedisLimiter(rate, { redis, name: "soft" }), {
    clock: systemClock,
    log: { warn: () => said.push("warn"), info: () => said.push("info") },
    processes: 4,
    timeoutMs: 200,
    probeEveryMs: 20,
    onMode: (mode) => modes.push(mode),
  });
  const takeMany = async (key: string) => {
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.take(key)));
    return decisions.filter(({ isAllowed }) => isAllowed).length;
  };
  const untilShared = async () => {
    for (const started = performance.now(); limiter.mode() === "local" && performance.now() - started < 10_000; ) {
      await limiter.take("probe");
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  assert.equal(await takeMany("before"), 40);
  server.freeze();
  assert.equal(await takeMany("hanging"), 10);
  assert.equal(limiter.mode(), "local");
  server.thaw();
  await untilShared();
  await server.kill();
  assert.equal(await takeMany("gone"), 10);
  assert.equal(await takeMany("gone"), 0);
  await server.start();
  await untilShared();
  assert.equal(await takeMany("after"), 40);
  assert.deepEqual(modes, ["local", "shared", "local", "shared"]);
  assert.deepEqual(said, ["warn", "info", "warn", "info"]);
});
