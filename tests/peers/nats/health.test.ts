import assert from "node:assert/strict";
import { test } from "node:test";
import { connectNats } from "@lyss/kit/events/nats-transport.ts";
import { createHealth } from "@lyss/kit/health/health.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse, silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { startNats } from "./nats-server.ts";

/** The row's figure is 5 s; a busy machine gets as much again. */
const limitMs = 10_000;

test("T4: a broker that dies makes its program not ready, and ready again when it is back", {
  timeout: 60_000,
}, async (t) => {
  const scope = closeInReverse(t);
  const server = await startNats(scope);
  const transport = await connectNats({ servers: [server.address] });
  scope.after(transport.close);
  const health = createHealth({
    checks: () => ({ nats: () => transport.connection.flush() }),
    ...{ clock: systemClock, log: silentLog, service: "test", version: "1" },
  });
  const until = async (status: string) => {
    const startMs = systemClock.monotonicMs();
    while ((await health.check()).status !== status) {
      assert.ok(systemClock.monotonicMs() - startMs < limitMs, `not ${status} within ${limitMs} ms`);
    }
  };
  await until("ready");
  await server.kill();
  await until("not_ready");
  await server.start();
  await until("ready");
});
