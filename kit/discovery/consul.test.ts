import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { Secret } from "../config/secret.ts";
import type { Clock } from "../service/clock.ts";
import { createConsulDiscovery } from "./consul-discovery.ts";
import { registerWithConsul } from "./consul-registration.ts";
import { type Asked, hear, startServer } from "./testdata/heard.ts";

// A server that speaks Consul's HTTP API as its documentation states it; Debian 12 has no Consul to test against.

/** Time passes at once: waits between rounds end as soon as they begin, limits of requests never come. */
const hurried: Clock & { readonly waitsMs: number[] } = {
  waitsMs: [],
  nowMs: () => 0,
  monotonicMs: () => 0,
  setTimer(delayMs, callback) {
    if (delayMs >= 5_000) return () => {};
    this.waitsMs.push(delayMs);
    queueMicrotask(callback);
    return () => {};
  },
};

const entry = (address: string, port: number, zone?: string, nodeAddress = "10.9.9.9") => ({
  Node: { Node: "n1", Address: nodeAddress, Datacenter: "dc1" },
  Service: { ID: `echo-${port}`, Service: "echo", Address: address, Port: port, Meta: zone ? { zone } : null },
  Checks: [{ Status: "passing" }],
});

function answer({ res }: Asked, index: number, entries: readonly object[], status = 200): void {
  res.writeHead(status, { "x-consul-index": String(index), "x-consul-knownleader": "true" });
  res.end(JSON.stringify(entries));
}

test("Consul is asked by blocking queries that any server may answer, and each change is heard", async () => {
  using consul = await startServer();
  const agent = { url: consul.url, clock: hurried, draw: () => 0, token: async () => new Secret("acl") };
  using heard = hear(createConsulDiscovery({ ...agent, tag: "blue", datacenter: "east" }), "echo");
  const first = await consul.next();
  assert.equal(first.url.pathname, "/v1/health/service/echo");
  assert.equal(first.req.headers["x-consul-token"], "acl");
  const query = Object.fromEntries(first.url.searchParams);
  assert.deepEqual(query, { passing: "true", stale: "", wait: "300s", tag: "blue", dc: "east" });
  answer(first, 7, [entry("10.0.0.1", 7400, "a"), entry("", 7401)]);
  assert.equal(await heard.next(), "10.0.0.1:7400@a 10.9.9.9:7401");

  const second = await consul.next();
  assert.equal(second.url.searchParams.get("index"), "7");
  answer(second, 9, [entry("fd00::1", 7400)]);
  assert.equal(await heard.next(), "[fd00::1]:7400");
  assert.ok(hurried.waitsMs.includes(1_000), "questions are a second apart");
});

test("an index that goes back begins anew, and one of 0 is asked as 1, which blocks", async () => {
  using consul = await startServer();
  using _heard = hear(createConsulDiscovery({ url: consul.url, clock: hurried, draw: () => 0 }), "echo");
  const asked: (string | null)[] = [];
  for (const index of [50, 20, 0, 3]) {
    const question = await consul.next();
    asked.push(question.url.searchParams.get("index"));
    answer(question, index, [entry("10.0.0.1", 7400)]);
  }
  asked.push((await consul.next()).url.searchParams.get("index"));
  assert.deepEqual(asked, [null, "50", null, "1", "3"]);
});

test("errors, junk and an empty list are failures that change nothing, and the next good answer is heard", async () => {
  using consul = await startServer();
  using heard = hear(createConsulDiscovery({ url: consul.url, clock: hurried, draw: () => 0 }), "echo");
  answer(await consul.next(), 5, [entry("10.0.0.1", 7400)]);
  assert.equal(await heard.next(), "10.0.0.1:7400");
  answer(await consul.next(), 6, [], 500);
  assert.match(await heard.next(), /^failed: answered 500/);
  const afresh = await consul.next();
  assert.equal(afresh.url.searchParams.get("index"), null, "another server may have another history");
  afresh.res.writeHead(200, { "x-consul-index": "7" }).end("<html>");
  assert.match(await heard.next(), /^failed: /);
  (await consul.next()).res.destroy();
  assert.match(await heard.next(), /^failed: /);
  answer(await consul.next(), 8, []);
  assert.match(await heard.next(), /^failed: the registry knows no endpoint/);
  answer(await consul.next(), 9, [entry("10.0.0.1", 7400)]);
  answer(await consul.next(), 10, [entry("10.0.0.2", 7400)]);
  assert.equal(await heard.next(), "10.0.0.2:7400", "what was known already is not told again");
});

test("a service registers with a TTL check, reports in, is registered again when it was forgotten, and leaves", async () => {
  using consul = await startServer();
  const failures: unknown[] = [];
  const started = registerWithConsul({
    ...{ url: consul.url, clock: hurried, service: "echo", id: "echo-1", address: "10.0.0.1", port: 7400, zone: "a" },
    check: { kind: "ttl", ttlMs: 14_000 },
    deregisterAfterMs: 60_000,
    onFailure: (err) => failures.push(err),
  });
  const serve = async (status: number) => {
    const { url, req, res } = await consul.next();
    const body = await text(req);
    res.writeHead(status).end(status === 404 ? "Unknown check ID" : "");
    return [`${req.method} ${url.pathname}`, body === "" ? undefined : JSON.parse(body)] as const;
  };
  const report = ["PUT /v1/agent/check/update/service%3Aecho-1", { Status: "passing" }];
  const [path, body] = await serve(200);
  assert.equal(path, "PUT /v1/agent/service/register");
  assert.deepEqual(body, {
    ...{ ID: "echo-1", Name: "echo", Address: "10.0.0.1", Port: 7400, Tags: [], Meta: { zone: "a" } },
    Check: { CheckID: "service:echo-1", TTL: "14000ms", DeregisterCriticalServiceAfter: "60000ms" },
  });
  assert.deepEqual(await serve(200), report);
  const registration = await started;
  assert.deepEqual(await serve(500), report);
  assert.deepEqual(await serve(404), report);
  assert.equal(failures.length, 1);
  assert.equal((await serve(200))[0], "PUT /v1/agent/service/register");
  assert.deepEqual(await serve(200), report);
  const stopped = registration.stop();
  for (;;) {
    const [asked] = await serve(200);
    if (asked === "PUT /v1/agent/service/deregister/echo-1") break;
  }
  await stopped;
});

test("with an HTTP check the agent asks by itself; a registration that is refused rejects", async () => {
  using consul = await startServer();
  const check = {
    kind: "http",
    url: "http://10.0.0.1:7400/health/ready",
    intervalMs: 10_000,
    timeoutMs: 2_000,
  } as const;
  const options = { url: consul.url, clock: hurried, service: "echo", id: "echo-1", address: "10.0.0.1", port: 7400 };
  const started = registerWithConsul({ ...options, check, deregisterAfterMs: 60_000, onFailure: () => assert.fail() });
  const { req, res } = await consul.next();
  assert.deepEqual(JSON.parse(await text(req)).Check, {
    ...{ CheckID: "service:echo-1", HTTP: check.url, Interval: "10000ms", Timeout: "2000ms" },
    DeregisterCriticalServiceAfter: "60000ms",
  });
  res.writeHead(403).end("Permission denied");
  await assert.rejects(started, /403: Permission denied/);
});
