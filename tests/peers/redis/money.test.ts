import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { promoteReplica, type RedisServer, startRedis, startRedisReplica } from "@lyss/kit/testing/redis-server.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { assertMoneyAddsUp, listUsage, waitForNoHold, waitForUsage } from "../../read-money.ts";
import { runLyss } from "../../run-lyss.ts";
import { requestJson } from "../../run-platform.ts";
import { type GatewayFleet, runGatewayFleet } from "../../scenarios/gateway-fleet.ts";

const runFile = promisify(execFile);
/** The rows' figures: SCENARIO_FULL=1. */
const [gateways, calls, flushes] = process.env["SCENARIO_FULL"] === "1" ? [6, 10_000, 20] : [2, 200, 5];
const limits = { timeout: 1_800_000 };
const atOnce = 40;
const pauseMs = 5_000;

const scope = closeInReverse({ after });
let redis: RedisServer;
let fleet: GatewayFleet;
let served = 0;

/** Redis may have a say in one thing, the rate limits of the public listener; these are so wide that nobody meets them. */
before(async () => {
  redis = await startRedis(scope);
  const vendor = createServer((req, res) => {
    req.resume().on("end", () => {
      served++;
      const usage = { prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 };
      const choices = [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }];
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "x", choices, usage }));
    });
  });
  vendor.listen(0, "127.0.0.1");
  await once(vendor, "listening");
  scope.after(async () => {
    vendor.closeAllConnections();
    vendor.close();
  });
  const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  const models = [{ name: "m", inputUsdPerMillion: "1", outputUsdPerMillion: "1" }];
  fleet = await runGatewayFleet(scope, gateways, {
    billing: { reserveWaitMs: 60_000 },
    providers: [{ name: "vendor", baseUrl, models }],
    redis: { url: `redis://127.0.0.1:${redis.port}` },
    rateLimits: { perKey: { limit: 1_000_000, windowMs: "1d" }, processes: gateways },
  });
}, limits);

const keyOf = () => fleet.gateways[0]?.apiKey ?? "";

/** The status of a call by way of one of the gateways. */
async function callOnce(number: number): Promise<number> {
  const url = fleet.gateways[number % gateways]?.url ?? "";
  const body = { model: "m", max_tokens: 10, messages: [{ role: "user", content: "hello" }] };
  return (await requestJson(`${url}/v1/chat/completions`, keyOf(), { body })).status;
}

/** How many of so many calls, in turns over the gateways, ended with each status. `onEach` is told how many have. */
async function callMany(count: number, onEach: (ended: number) => Promise<void> = async () => {}) {
  const statuses: Record<number, number> = {};
  let [begun, ended] = [0, 0];
  const work = async () => {
    while (begun < count) {
      const status = await callOnce(begun++);
      statuses[status] = (statuses[status] ?? 0) + 1;
      await onEach(++ended);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, work));
  return statuses;
}

/** Allows the tenant so many calls in all. */
async function capCalls(limit: number): Promise<void> {
  const args = ["budget", "set", "tenant", "--unit", "calls", "--limit", String(limit), "--period", "total"];
  const [first] = fleet.gateways;
  const { code, complaint } = await runLyss(args, { LYSS_URL: first?.url ?? "", LYSS_API_KEY: keyOf() });
  assert.equal(code, 0, complaint);
}

/** What is allowed and what is recorded is what the provider has served. */
async function assertExact(): Promise<void> {
  const [first] = fleet.gateways;
  assert.ok(first);
  const rows = await waitForUsage(first, served);
  assert.equal(rows.length, served);
  // What leases hold of the budget goes back with their money, when they are idle.
  await waitForNoHold(first);
  const [budget] = await fleet.sql`
    select used_amount::int as used, reserved_amount::int as reserved from billing.budget`;
  assert.deepEqual({ ...budget }, { used: served, reserved: 0 });
  assert.equal((await listUsage(first)).filter(({ status }) => status !== "completed").length, 0);
  await assertMoneyAddsUp(first);
}

/** Calls until every gateway says by its metrics whether it counts rate limits alone. */
async function untilAlone(isAlone: boolean): Promise<void> {
  const wanted = `edge_limits_alone ${isAlone ? 1 : 0}`;
  const endMs = performance.now() + 120_000;
  for (const [number, { url }] of fleet.gateways.entries()) {
    while (!(await (await fetch(`${url}/metrics`)).text()).includes(wanted)) {
      assert.ok(performance.now() < endMs, `gateway ${number} does not say ${wanted}`);
      assert.equal(await callOnce(number), 200);
    }
  }
}

test(
  `B16: with Redis emptied ${flushes} times under load over ${gateways} gateways none of ${calls} calls is refused, and none beyond them passes`,
  limits,
  async () => {
    await capCalls(calls);
    const every = Math.floor(calls / (flushes + 1));
    const statuses = await callMany(calls, async (ended) => {
      if (ended % every === 0) await runFile("redis-cli", ["-p", String(redis.port), "flushall"]);
    });
    assert.deepEqual(statuses, { 200: calls });
    assert.deepEqual(await callMany(20), { 429: 20 });
    assert.equal(served, calls);
    await assertExact();
  },
);

/** Each breaks Redis; what it gives back mends it. */
const faults: Readonly<Record<string, () => Promise<() => Promise<void>>>> = {
  "every answer takes 5 s": async () => {
    await runFile("redis-cli", ["-p", String(redis.port), "client", "pause", String(pauseMs)]);
    return async () => void (await runFile("redis-cli", ["-p", String(redis.port), "client", "unpause"]));
  },
  "it is cut off": async () => {
    redis.freeze();
    return async () => redis.thaw();
  },
  // The last one: what it mends is another server.
  "its primary is dead, until a replica takes its place": async () => {
    const replica = await startRedisReplica(scope, redis);
    await redis.kill();
    return () => promoteReplica(replica, redis);
  },
};

for (const [fault, breakRedis] of Object.entries(faults)) {
  test(
    `B17: while ${fault}, and when Redis is well again, no call is refused or passes beyond its budget, and gateways say that they count alone`,
    limits,
    async () => {
      await capCalls(1_000_000);
      const mend = await breakRedis();
      await untilAlone(true);
      const some = 20 * gateways;
      assert.deepEqual(await callMany(some), { 200: some });
      await capCalls(served + 20);
      assert.deepEqual(await callMany(60), { 200: 20, 429: 40 });
      await capCalls(1_000_000);
      await mend();
      await untilAlone(false);
      assert.deepEqual(await callMany(some), { 200: some });
      await assertExact();
    },
  );
}
