import assert from "node:assert/strict";
import { test } from "node:test";
import { createHealth } from "@lyss/kit/health/health.ts";
import { connectRedis } from "@lyss/kit/resilience/redis-limiter-connection.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { startRedis } from "@lyss/kit/testing/redis-server.ts";
import { closeInReverse, silentLog } from "@lyss/kit/testing/test-cluster.ts";

/** The row's figure is 5 s; a busy machine gets as much again. */
const limitMs = 10_000;

test("T4: a Redis that dies makes its program not ready, and ready again when it is back", {
  timeout: 60_000,
}, async (t) => {
  const scope = closeInReverse(t);
  const server = await startRedis(scope);
  const redis = await connectRedis({ server: { host: "127.0.0.1", port: server.port }, timeoutMs: 2_000 });
  scope.after(async () => redis.close());
  const health = createHealth({
    checks: () => ({ redis: async () => void (await redis.run("return 1", [], [])) }),
    ...{ clock: systemClock, log: silentLog, service: "test", version: "1" },
  });
  const until = async (status: string) => {
    const startMs = systemClock.monotonicMs();
    while ((await health.check()).status !== status) {
      assert.ok(systemClock.monotonicMs() - startMs < limitMs, `not ${status} within ${limitMs} ms`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await until("ready");
  await server.kill();
  await until("not_ready");
  await server.start();
  await until("ready");
});
