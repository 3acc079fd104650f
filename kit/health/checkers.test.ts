import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { startTestServer, testParts } from "../http/http-test-server.ts";
import { HealthCheckResponse_ServingStatus as Status } from "../rpc/gen/grpc/health/v1/health_pb.js";
import { createFakeClock } from "../testing/fake-clock.ts";
import { databaseCheck, diskSpaceCheck, eventLoopCheck, redisCheck, serviceCheck } from "./checkers.ts";
import { createHealth } from "./health.ts";
import type { HealthCheck } from "./health-check.ts";
import { createHealthMonitor } from "./health-monitor.ts";
import { createHealthRoutes } from "./health-routes.ts";

function setUp(checks: Record<string, HealthCheck>) {
  const clock = createFakeClock();
  const { log } = testParts();
  return { clock, health: createHealth({ checks: () => checks, clock, log, cacheMs: 0 }) };
}

async function resultOf(check: HealthCheck) {
  const { checks } = await setUp({ it: check }).health.check();
  return [checks["it"]?.status, checks["it"]?.message];
}

test("the worst check decides: a degraded one leaves ready at 200, one that is not critical makes it no worse", async () => {
  const fails = async () => Promise.reject(new Error("secret"));
  const cases: readonly (readonly [Record<string, HealthCheck>, health: string, status: string])[] = [
    [{ a: async () => {} }, "healthy", "ready"],
    [{ a: async () => ({ degraded: "is slow" }), b: async () => {} }, "degraded", "ready"],
    [{ a: { probe: fails, isCritical: false }, b: async () => {} }, "degraded", "ready"],
    [{ a: fails, b: async () => ({ degraded: "is slow" }) }, "unhealthy", "not_ready"],
  ];
  for (const [checks, health, status] of cases) {
    const report = await setUp(checks).health.check();
    assert.deepEqual([report.health, report.status], [health, status]);
  }
});

test("a check has a limit and a threshold of its own: slow is degraded, too slow is unhealthy", async () => {
  const { clock, health } = setUp({
    slow: {
      latencyThresholdMs: 50,
      probe: () => new Promise((resolve) => clock.setTimer(60, () => resolve(undefined))),
    },
    stuck: { timeoutMs: 70, probe: () => new Promise(() => {}) },
  });
  const report = health.check();
  await new Promise(setImmediate);
  clock.advance(60);
  await new Promise(setImmediate);
  clock.advance(10);
  const { checks } = await report;
  assert.deepEqual(checks["slow"], { status: "degraded", healthy: true, latency_ms: 60, message: "slower than 50 ms" });
  assert.deepEqual([checks["stuck"]?.status, checks["stuck"]?.message], ["unhealthy", "no answer within 70 ms"]);
});

test("database and Redis are asked for an answer, and what their drivers say is not shown", async () => {
  assert.deepEqual(await resultOf(databaseCheck({ ping: async () => {} })), ["healthy", undefined]);
  const refused = Object.assign(new Error("postgres://user:pw@db"), { code: "ECONNREFUSED" });
  assert.deepEqual(await resultOf(databaseCheck({ ping: () => Promise.reject(refused) })), [
    "unhealthy",
    "ECONNREFUSED",
  ]);
  assert.deepEqual(await resultOf(redisCheck({ ping: async () => "PONG" })), ["healthy", undefined]);
  const odd = redisCheck({ ping: async () => "LOADING" }, { isCritical: false });
  assert.deepEqual(await resultOf(odd), ["unhealthy", "does not answer PING with PONG"]);
});

test("a service is asked at its address or by grpc.health.v1", async () => {
  let status = 200;
  const server = createServer((_req, res) => res.writeHead(status).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health/ready`;
  assert.deepEqual(await resultOf(serviceCheck({ url })), ["healthy", undefined]);
  status = 503;
  assert.deepEqual(await resultOf(serviceCheck({ url })), ["unhealthy", "answers 503"]);
  server.close();
  await once(server, "close");
  assert.equal((await resultOf(serviceCheck({ url })))[0], "unhealthy");

  const answering = (answer: () => Promise<{ status: Status }>) =>
    serviceCheck({ rpc: { check: answer }, service: "auth" });
  assert.deepEqual(await resultOf(answering(async () => ({ status: Status.SERVING }))), ["healthy", undefined]);
  const notServing = await resultOf(answering(async () => ({ status: Status.NOT_SERVING })));
  assert.deepEqual(notServing, ["unhealthy", "says that it does not serve"]);
  const gone = answering(() => Promise.reject(new ConnectError("10.0.0.7 is gone", Code.Unavailable)));
  assert.deepEqual(await resultOf(gone), ["unhealthy", "failed"]);
});

test("disk and event loop are degraded before they are unhealthy", async () => {
  const path = tmpdir();
  assert.equal((await resultOf(diskSpaceCheck({ path, degradedFreeBytes: 0, minFreeBytes: 0 })))[0], "healthy");
  assert.equal((await resultOf(diskSpaceCheck({ path, degradedFreeBytes: 2 ** 60, minFreeBytes: 0 })))[0], "degraded");
  assert.equal(
    (await resultOf(diskSpaceCheck({ path, degradedFreeBytes: 2 ** 60, minFreeBytes: 2 ** 60 })))[0],
    "unhealthy",
  );
  for (const [pressure, status] of [
    ["none", "healthy"],
    ["high", "degraded"],
    ["severe", "unhealthy"],
  ] as const) {
    assert.equal((await resultOf(eventLoopCheck({ pressure: () => pressure })))[0], status);
  }
});

test("startup is 503 until the process was ready once, and 200 from then on", async () => {
  let isDown = true;
  const { clock, health } = setUp({ database: () => (isDown ? Promise.reject(new Error("down")) : Promise.resolve()) });
  const systemRoutes = createHealthRoutes({ health, clock, service: "lyss", version: "1" });
  const server = await startTestServer({ mounted: [], systemRoutes });
  const statusOf = async (path: string) => (await fetch(server.url + path)).status;
  assert.deepEqual([await statusOf("/startupz"), await statusOf("/livez")], [503, 200]);
  isDown = false;
  assert.equal(await statusOf("/startupz"), 200);
  isDown = true;
  assert.deepEqual([await statusOf("/startupz"), await statusOf("/readyz")], [200, 503]);
  await server.close();
});

test("a service's gate closes while a check of its own fails, not for another's, and for good when the monitor closes", async () => {
  let isDown = false;
  const { clock, health } = setUp({
    "a.keyring": () => (isDown ? Promise.reject(new Error("down")) : Promise.resolve()),
  });
  const monitor = createHealthMonitor({ health, clock, checksOf: (service) => [`${service}.keyring`] });
  const [a, b] = [monitor.gateOf("a"), monitor.gateOf("b")];
  let changes = 0;
  a.onChange(() => changes++);
  const look = async () => {
    await health.check();
    return [a.isOpen(), b.isOpen(), changes];
  };
  assert.deepEqual(await look(), [true, true, 0]);
  isDown = true;
  assert.deepEqual(await look(), [false, true, 1]);
  assert.deepEqual(await look(), [false, true, 1]);
  isDown = false;
  assert.deepEqual(await look(), [true, true, 2]);
  monitor.close();
  assert.deepEqual([a.isOpen(), b.isOpen(), changes], [false, false, 3]);
});
