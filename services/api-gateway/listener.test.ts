import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { createHealth } from "@lyss/kit/health/health.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { Registry } from "prom-client";
import { apiGatewayConfig } from "./config.ts";
import { createListener } from "./listener.ts";

async function open(t: TestContext, http: object): Promise<string> {
  const listener = createListener({
    settings: apiGatewayConfig.http.parse({ port: 0, ...http }),
    guard: () => undefined,
    intake: () => "interactive",
    clock: systemClock,
    random: createRandom(systemClock),
    log: silentLog,
    metrics: new Registry(),
    publicUrl: () => "http://127.0.0.1",
  });
  t.after(() => listener.close(AbortSignal.abort()));
  return listener.open({
    listMounted: () => [],
    health: createHealth({ checks: () => ({}), clock: systemClock, log: silentLog }),
    peerToken: new Secret("peer"),
  });
}

test("metrics are on the public listener unless they are switched off", async (t) => {
  assert.equal((await fetch(`${await open(t, {})}/metrics`)).status, 200);

  const closed = await open(t, { exposeMetrics: false });
  assert.equal((await fetch(`${closed}/metrics`)).status, 404);
  assert.equal((await fetch(`${closed}/health/live`)).status, 200);
});
