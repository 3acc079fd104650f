import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { startTestServer, testParts } from "../http/http-test-server.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createHealth, type HealthReport } from "./health.ts";
import type { HealthCheck } from "./health-check.ts";
import { createHealthRoutes } from "./health-routes.ts";

function setUp(checks: Record<string, HealthCheck>) {
  const clock = createFakeClock();
  const { log, logged } = testParts();
  const health = createHealth({ checks: () => checks, clock, log });
  const routes = createHealthRoutes({ health, clock, service: "lyss", version: "1.2.3" });
  return { clock, health, routes, logged };
}

test("live answers whatever the checks say; ready is 503 with each check's result, at every alias", async () => {
  const refused = Object.assign(new Error("connect to postgres://user:pw@db failed"), { code: "ECONNREFUSED" });
  const { routes } = setUp({ database: () => Promise.reject(refused), cache: async () => {} });
  const server = await startTestServer({ mounted: [], systemRoutes: routes });
  for (const path of ["/health/live", "/livez"]) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200);
    const timestamp = "2026-01-01T00:00:00.000Z";
    assert.deepEqual(await response.json(), { status: "alive", timestamp, service: "lyss", version: "1.2.3" });
  }
  for (const path of ["/health/ready", "/readyz", "/ready", "/health"]) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 503, path);
    assert.deepEqual(await response.json(), {
      status: "not_ready",
      health: "unhealthy",
      checks: {
        database: { status: "unhealthy", healthy: false, latency_ms: 0, message: "ECONNREFUSED" },
        cache: { status: "healthy", healthy: true, latency_ms: 0 },
      },
      timestamp: "2026-01-01T00:00:00.000Z",
    });
  }
  await server.close();
});

test("a check that hangs is cut at its limit, and the others are not held up by it", async () => {
  let signal: AbortSignal | undefined;
  const { clock, health } = setUp({
    stuck: (given: AbortSignal) => {
      signal = given;
      return new Promise(() => {});
    },
    quick: async () => {},
  });
  const report = health.check();
  await new Promise(setImmediate);
  clock.advance(2_000);
  const { checks } = await report;
  const cut = { status: "unhealthy", healthy: false, latency_ms: 2_000, message: "no answer within 2000 ms" };
  assert.deepEqual(checks["stuck"], cut);
  assert.equal(checks["quick"]?.healthy, true);
  assert.equal(signal?.aborted, true);
  assert.equal(clock.countTimers(), 0);
});

test("a thousand probes within a second run the checks once; a second later they run again", async () => {
  let runs = 0;
  const { clock, health } = setUp({ database: async () => void runs++ });
  await Promise.all(Array.from({ length: 1_000 }, () => health.check()));
  clock.advance(999);
  await health.check();
  assert.equal(runs, 1);
  clock.advance(1);
  await health.check();
  assert.equal(runs, 2);
});

test("a failing check is logged once when it falls and once when it recovers, and recovers within a second", async () => {
  let isDown = true;
  const { clock, health, logged } = setUp({
    database: async () => {
      if (isDown) throw new Failure(kitFailures.unavailable, { service: "database" });
    },
  });
  const statuses: HealthReport["status"][] = [];
  for (const down of [true, true, false, false]) {
    isDown = down;
    statuses.push((await health.check()).status);
    clock.advance(1_000);
  }
  assert.deepEqual(statuses, ["not_ready", "not_ready", "ready", "ready"]);
  assert.deepEqual(
    logged.map((line) => line["msg"]),
    ["health check fails", "health check recovered"],
  );
});

test("no message of a driver or a library is shown", async () => {
  const secret = "postgres://user:pw@db";
  const { health } = setUp({
    a: () => Promise.reject(new Error(secret)),
    b: () => Promise.reject(Object.assign(new Error(secret), { code: secret })),
    c: () => Promise.reject(secret),
    d: () => {
      throw new Error(secret);
    },
  });
  const { checks } = await health.check();
  assert.deepEqual(
    Object.values(checks).map(({ message }) => message),
    ["failed", "failed", "failed", "failed"],
  );
});
