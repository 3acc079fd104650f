import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type TestContext, test } from "node:test";
import type { SystemRoutes } from "@lyss/kit/http/http-handler.ts";
import { testGuard } from "@lyss/kit/http/http-test-server.ts";
import { type Route, routesFor } from "@lyss/kit/http/route.ts";
import { createSharedCounts, tellEveryMs } from "@lyss/kit/resilience/shared-counts.ts";
import { createCountHub } from "@lyss/kit/testing/count-hub.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { Registry } from "prom-client";
import { z } from "zod";
import { apiGatewayConfig } from "./config.ts";
import { type EdgeOptions, type HoldOps, startEdge } from "./edge-test-server.ts";
import { registerEdgeMetrics } from "./metrics.ts";

const { json, raw } = routesFor<HoldOps>();
const response = z.strictObject({ ok: z.literal(true) });
const routes = [
  ...(["/public", "/private"] as const).map((path) =>
    json({
      ...{ method: "GET", path, operation: path.slice(1), summary: "Answers.", response },
      permission: path === "/public" ? "public" : "things:read",
      handle: () => ({ ok: true as const }),
    }),
  ),
  json({
    ...{ method: "GET", path: "/operator", operation: "operate", summary: "Answers.", response },
    permission: "things:read",
    priority: "essential",
    handle: () => ({ ok: true as const }),
  }),
  json({
    ...{ method: "GET", path: "/forbidden", operation: "forbid", summary: "Answers.", response },
    permission: "other:read",
    handle: () => ({ ok: true as const }),
  }),
  raw({
    ...{ method: "POST", path: "/stream", operation: "stream", summary: "Answers late.", bodyLimitBytes: 1_024 },
    permission: "things:read",
    async handle(ops, { res }) {
      res.writeHead(200);
      res.flushHeaders();
      await ops.hold();
      res.end("done");
    },
  }),
  raw({
    ...{ method: "GET", path: "/news", operation: "wait", summary: "Waits for news.", bodyLimitBytes: 0 },
    ...{ permission: "things:read", isWaiting: true },
    async handle(ops, { res }) {
      res.writeHead(200);
      res.flushHeaders();
      await ops.hold();
      res.end("none");
    },
  }),
];

async function open(t: TestContext, options: EdgeOptions = {}) {
  const systemRoutes: SystemRoutes = { "/health": (_req, res) => void res.end("ok") };
  const edge = await startEdge(t, routes as readonly Route<never>[], options, systemRoutes);
  return {
    ...edge,
    ask: (path: string, token = "reader", headers: Record<string, string> = {}, method = "GET", signal?: AbortSignal) =>
      fetch(edge.server.url + path, {
        ...{ method, headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers } },
        ...(signal && { signal }),
      }),
  };
}

test("a caller beyond its limit gets 429, with what to wait for, and is let in again after that", async (t) => {
  const { ask, clock } = await open(t, { rateLimits: { perKey: { limit: 2, windowMs: 10_000 } } });
  const first = await ask("/private");
  assert.equal(first.headers.get("ratelimit"), '"key";r=1;t=5');
  assert.equal(first.headers.get("ratelimit-policy"), '"key";q=2;w=10');
  await ask("/private");
  const refused = await ask("/private");
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "5");
  assert.equal(refused.headers.get("x-ratelimit-remaining"), "0");
  const { error } = (await refused.json()) as { error: Record<string, unknown> };
  assert.deepEqual([error["code"], error["retryable"]], ["RES_007", true]);
  assert.match(String((error["message_i18n"] as Record<string, string>)["zh_CN"]), /该密钥的请求过多，请在 5 秒后重试/);
  clock.advance(5_000);
  assert.equal((await ask("/private")).status, 200);
});

test("what one limit refuses is taken from none of them", async (t) => {
  const rateLimits = { perKey: { limit: 1 }, perTenant: { limit: 3 } };
  const { ask, limits } = await open(t, { rateLimits });
  for (let i = 0; i < 5; i++) await ask("/private");
  limits.update(apiGatewayConfig.rateLimits.parse({ perTenant: { limit: 3 } }));
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await ask("/private")).status);
  assert.deepEqual(statuses, [200, 200, 429], "one of three was taken before");
});

test("who shows no good credential is counted by address, on every route, whatever the answer would be", async (t) => {
  const { ask } = await open(t, { rateLimits: { perAddress: { limit: 3, windowMs: 60_000 } } });
  const statuses = [];
  for (const [path, token] of [
    ["/public", ""],
    ["/private", ""],
    ["/private", "wrong"],
    ["/private", "wrong"],
    ["/private", ""],
    ["/public", ""],
  ] as const) {
    statuses.push((await ask(path, token)).status);
  }
  assert.deepEqual(statuses, [200, 401, 401, 429, 429, 429]);
  assert.equal((await ask("/private")).status, 200, "a good key is not its address");
  assert.equal((await ask("/health", "")).status, 200);
});

test("a word that is no priority is refused by name, and counts like any other request", async (t) => {
  const { ask } = await open(t, { rateLimits: { perKey: { limit: 1 } } });
  const answer = await ask("/private", "reader", { "x-lyss-priority": "urgent" });
  assert.equal(answer.status, 400);
  assert.match(await answer.text(), /x-lyss-priority: must be one of interactive, background, batch/);
  assert.equal((await ask("/private", "reader", { "x-lyss-priority": "urgent" })).status, 429);
});

test("a request that its key does not permit counts for the key", async (t) => {
  const { ask } = await open(t, { rateLimits: { perKey: { limit: 1 } } });
  assert.equal((await ask("/forbidden")).status, 403);
  assert.equal((await ask("/private")).status, 429);
});

test("a new limit holds at once, and one that stays keeps its count", async (t) => {
  const { ask, limits } = await open(t, { rateLimits: { perKey: { limit: 1 } } });
  assert.equal((await ask("/private")).status, 200);
  limits.update(apiGatewayConfig.rateLimits.parse({ perKey: { limit: 1 }, perUser: { limit: 5 } }));
  assert.equal((await ask("/private")).status, 429);
  limits.update(apiGatewayConfig.rateLimits.parse({}));
  assert.equal((await ask("/private")).headers.get("ratelimit"), null);
});

test("with Redis away each process keeps to its share, says so, and nothing is let through beyond it", async (t) => {
  const redis = { run: () => Promise.reject(new Error("connection lost")) };
  const { ask, limits, shedder, concurrency } = await open(t, {
    ...{ rateLimits: { perKey: { limit: 4 }, processes: 2 }, redis },
  });
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await ask("/private")).status);
  assert.deepEqual(statuses, [200, 200, 429, 429]);
  const registry = new Registry();
  registerEdgeMetrics(registry, { limits, shedder, concurrency });
  const text = await registry.metrics();
  for (const line of ["edge_limits_alone 1", 'edge_rate_limited_total{subject="key"} 2'])
    assert.ok(text.includes(line));
});

test("R14: with more than fits, what is less urgent is turned away and interactive requests are served", async (t) => {
  const { ask, shedder, release } = await open(t, { maxInFlight: 10 });
  const batch = { "x-lyss-priority": "batch" };
  const held = await Promise.all(Array.from({ length: 30 }, () => ask("/stream", "all", batch, "POST")));
  const refused = held.filter(({ status }) => status === 503);
  assert.equal(refused.length, 21);
  assert.equal(refused[0]?.headers.get("retry-after"), "1");
  assert.match(await (refused[0]?.text() ?? ""), /"code":"OVERLOADED"/);
  const urgent = await Promise.all(Array.from({ length: 3 }, () => ask("/stream", "all", {}, "POST")));
  assert.deepEqual(
    urgent.map(({ status }) => status),
    [200, 200, 200],
  );
  release();
  await Promise.all([...held, ...urgent].map((answer) => answer.text().catch(() => "")));
  while (shedder.stats().inFlight > 0) await new Promise(setImmediate);
  assert.equal((await ask("/private", "reader", batch)).status, 200);
});

test("under severe pressure nothing is let in but operators, health and metrics", async (t) => {
  const { ask, load } = await open(t);
  load.pressure = "severe";
  assert.equal((await ask("/private")).status, 503);
  assert.equal((await ask("/public", "")).status, 503);
  assert.equal((await ask("/operator")).status, 200);
  assert.equal((await ask("/health", "")).status, 200);
});

test("a request that leaves gives its place back", async (t) => {
  const { ask, shedder, release } = await open(t);
  const answer = await ask("/stream", "all", {}, "POST");
  assert.equal(shedder.stats().inFlight, 1);
  await answer.body?.cancel();
  while (shedder.stats().inFlight > 0) await new Promise(setImmediate);
  release();
});

test("a request that only waits for news is let in like all others, and then takes no place of its process or key", async (t) => {
  const rules = {
    requestsPerMinute: 0,
    maxConcurrentRequests: 1,
    isAddressAllowed: undefined,
    allowedOrigins: undefined,
    shared: [],
  };
  const { ask, shedder, load, release } = await open(t, { rulesOf: () => rules });
  const waiting = await ask("/news");
  assert.deepEqual([waiting.status, shedder.stats().inFlight], [200, 0]);
  assert.equal((await ask("/private")).status, 200);
  load.pressure = "severe";
  assert.equal((await ask("/news")).status, 503);
  release();
  assert.equal(await waiting.text(), "none");
});

test("B18: a request that leaves while its key is looked up takes no place and reaches no handler, and its limit counts it", async (t) => {
  const asked = Promise.withResolvers<IncomingMessage>();
  const known = Promise.withResolvers<void>();
  const { ask, shedder, limits, countHeld } = await open(t, {
    rateLimits: { perKey: { limit: 1, windowMs: 60_000 } },
    async guard(req) {
      asked.resolve(req as IncomingMessage);
      await known.promise;
      return testGuard(req);
    },
  });
  const caller = new AbortController();
  const call = ask("/stream", "all", {}, "POST", caller.signal);
  const { socket } = await asked.promise;
  const gone = once(socket, "close");
  caller.abort();
  await assert.rejects(call, { name: "AbortError" });
  await gone;
  known.resolve();
  assert.equal((await ask("/stream", "all", {}, "POST")).status, 429);
  assert.deepEqual([shedder.stats().inFlight, countHeld(), limits.countRefused("key")], [0, 0, 1]);
});

test("answers name the level while there is one, and our own errors raise it", async (t) => {
  const { ask, degradation, load, clock } = await open(t);
  assert.equal((await ask("/private")).headers.get("x-lyss-degradation"), null);
  degradation.force("essential");
  assert.equal((await ask("/private")).headers.get("x-lyss-degradation"), "L2");
  assert.equal((await ask("/private", "")).headers.get("x-lyss-degradation"), "L2", "errors too");
  degradation.force(undefined);
  load.pressure = "severe";
  for (let i = 0; i < 45; i++) {
    for (let j = 0; j < 3; j++) await (await ask("/private")).text();
    clock.advance(1_000);
  }
  assert.notEqual(degradation.level(), "normal");
});

test("processes that share a port hold a key to its limits together: the platform's, its own, and how many at once", async (t) => {
  const clock = createFakeClock();
  const hub = createCountHub();
  const rules = {
    requestsPerMinute: 5,
    maxConcurrentRequests: 2,
    isAddressAllowed: undefined,
    allowedOrigins: undefined,
    shared: [],
  };
  const openOne = (name: string) =>
    open(t, {
      rateLimits: { perKey: { limit: 100 } },
      rulesOf: () => rules,
      sharedCounts: createSharedCounts({ link: hub.join(name), clock }),
    });
  const here = await openOne("a");
  const there = await openOne("b");
  const streams = [here.ask("/stream", "reader", {}, "POST"), here.ask("/stream", "reader", {}, "POST")];
  for (const { status } of await Promise.all(streams)) assert.equal(status, 200);
  clock.advance(tellEveryMs);
  const full = await there.ask("/private");
  assert.deepEqual([full.status, full.headers.get("x-ratelimit-remaining-concurrent")], [429, "0"]);
  here.release();
  for (const stream of streams) await (await stream).text();
  clock.advance(tellEveryMs);
  const next = await there.ask("/private");
  assert.deepEqual([next.status, /"key-own";r=2\b/.test(next.headers.get("ratelimit") ?? "")], [200, true]);
  assert.equal((await there.ask("/private")).status, 200);
  clock.advance(tellEveryMs);
  assert.equal((await here.ask("/private")).status, 200);
  assert.equal((await here.ask("/private")).status, 429);
  assert.equal((await there.ask("/private")).status, 200, "not told yet");
  clock.advance(tellEveryMs);
  assert.deepEqual([(await here.ask("/private")).status, (await there.ask("/private")).status], [429, 429]);
});
