import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { listUsage, waitForNoHold } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const apiKey = "sk-simulated-vendor";
const names = ["flaky", "slow", "steady", "crowded", "queued", "brief", "dead"] as const;
const vendors = await Promise.all(
  names.map((name) => startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey, seed: name })),
);
after(() => Promise.all(vendors.map((vendor) => vendor.stop())));
const vendorOf = (name: (typeof names)[number]) => {
  const vendor = vendors[names.indexOf(name)];
  assert.ok(vendor);
  return vendor;
};
await vendorOf("dead").stop();

const { url: adminUrl } = await createOwnServer({ after }).start();
const sql = postgres(adminUrl, { max: 1 });
after(() => sql.end());

const breaker = {
  ...{ trip: { kind: "consecutive", maxFailures: 5 }, openMs: 1_500, maxOpenMs: 1_500 },
  ...{ probes: 3, successesToClose: 3 },
};
const config = {
  aiGateway: { simulator: false },
  // By measurement it would be another one on a machine so slow that the failures of these tests last for half a minute.
  degradation: { level: "normal" },
  resilience: {
    policies: {
      "provider.flaky": { breaker },
      "provider.crowded": { bulkhead: { maxConcurrent: 2, maxQueue: 0 } },
      "provider.queued": { bulkhead: { maxConcurrent: 1, maxQueue: 10, maxQueueMs: "30s" } },
      "provider.brief": { timeoutMs: "900ms", attemptTimeoutMs: "400ms" },
      "provider.dead": { retry: { baseDelayMs: 1 } },
    },
  },
  providers: names.map((name) => ({
    ...{ name, baseUrl: `${vendorOf(name).url}/v1`, apiKey },
    models: [
      { name, upstreamName: "simulated-chat", inputUsdPerMillion: "1", outputUsdPerMillion: "1", maxOutputTokens: 100 },
    ],
  })),
};
const platform = await runPlatform({ after }, { config, env: { LYSS_DATABASE_URL: adminUrl } });
const file = join(platform.dataDir, "lyss.yaml");

type Directives = Readonly<Record<string, string>>;

/** A call to a vendor that behaves as told. */
function chat(model: string, directives: Directives = {}, extra: object = {}) {
  const metadata = Object.fromEntries(Object.entries(directives).map(([name, value]) => [`simulate.${name}`, value]));
  const messages = [{ role: "user", content: "hello" }];
  return requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, {
    body: { model, messages, metadata, ...extra },
  });
}

const admin = (path: string, init: Parameters<typeof requestJson>[2] = {}) =>
  requestJson(`${platform.url}/admin/${path}`, platform.apiKey, init);

async function policyOf(name: string) {
  const { body } = await admin("resilience");
  const found = (body["policies"] as Record<string, unknown>[]).find((each) => each["name"] === name);
  assert.ok(found, name);
  return found as Record<string, Record<string, unknown>>;
}

const metrics = async () => (await fetch(`${platform.url}/metrics`)).text();

/** A usual call on a connection of its own, which has not gone the ordinary way for another. */
function sendAlone(model: string, metadata: object) {
  const agent = new Agent({ keepAlive: true });
  const headers = { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" };
  const sent = request(`${platform.url}/v1/chat/completions`, { method: "POST", agent, headers });
  const status = new Promise<number | undefined>((resolve) => {
    sent.on("response", (answer) => answer.resume().on("end", () => resolve(answer.statusCode)));
    sent.on("error", () => resolve(undefined));
  });
  sent.end(JSON.stringify({ model, messages: [{ role: "user", content: "hi" }], metadata }));
  const leave = () => {
    sent.destroy();
    agent.destroy();
  };
  return { status, leave };
}

/** Connections of clients whose requests were not served on the short way. */
const handedOver = /^edge_lane_handed_over_total\{reason="asked"\} (\d+)$/gm;
const handedOverCount = async () =>
  [...(await metrics()).matchAll(handedOver)].reduce((sum, [, count]) => sum + Number(count), 0);

const until = (isTrue: () => Promise<boolean>, withinMs: number, what: string) => waitUntil(isTrue, { withinMs, what });

/** Replaces the file as an editor does. */
function edit(next: object | string): void {
  writeFileSync(`${file}.new`, typeof next === "string" ? next : JSON.stringify(next));
  renameSync(`${file}.new`, file);
}

test("R1, R7: a provider that fails is left alone, told of as such, and found to be well by no more than its probes", async () => {
  const vendor = vendorOf("flaky");
  for (let i = 0; i < 5; i++) assert.equal((await chat("flaky", { error: "500" })).status, 502);
  const refused = await chat("flaky");
  assert.equal(refused.status, 503);
  assert.match(refused.headers.get("retry-after") ?? "", /^[12]$/);
  const error = refused.body["error"] as Record<string, unknown>;
  assert.deepEqual([error["code"], error["type"]], ["RES_001", "server_error"]);
  assert.equal(vendor.callLog.length, 5, "the vendor hears nothing of a refused call");
  await waitForNoHold(platform);
  assert.equal((await policyOf("provider.flaky"))["breaker"]?.["state"], "open");
  assert.ok((await metrics()).includes('resilience_breaker_state{policy="provider.flaky",state="open"} 1'));
  assert.equal((await chat("steady")).status, 200, "another provider is none the worse for it");

  await until(async () => (await chat("flaky", { error: "500" })).status === 502, 5_000, "the first probe");
  const probed = vendor.callLog.length;
  assert.equal((await chat("flaky")).status, 503, "a probe that fails opens again");
  let served = 0;
  // Forty at once, again and again until the door opens a crack.
  const knock = async () => {
    const waiting = await Promise.all(Array.from({ length: 40 }, () => chat("flaky", { delay_ms: "300" })));
    served = waiting.filter(({ status }) => status === 200).length;
    return served > 0;
  };
  await until(knock, 10_000, "half-open");
  assert.ok(served <= 3, `${served} of 40 were let through`);
  assert.ok(vendor.callLog.length - probed <= 3);
  await waitForNoHold(platform);
});

test("each change of a breaker is an event that names the node", async () => {
  const list = () => sql<{ data: { node: string; policy: string; to: string } }[]>`
    select data from event_log.event where type = 'resilience.breaker.changed' order by seq`;
  await until(async () => (await list()).length > 0, 3_000, "the event");
  const [first] = await list();
  assert.equal(first?.data.policy, "provider.flaky");
  assert.match(first?.data.node ?? "", /^.+:\d+$/);
  assert.equal((await admin("resilience")).body["node"], first?.data.node);
});

test("R5: a provider that answers nothing fills its own places and nobody else's", async () => {
  const hanging = new AbortController();
  const hold = () =>
    fetch(`${platform.url}/v1/chat/completions`, {
      method: "POST",
      signal: hanging.signal,
      headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: "crowded",
        messages: [{ role: "user", content: "hi" }],
        metadata: { "simulate.hang": "true" },
      }),
    }).catch(() => undefined);
  const held = [hold(), hold()];
  await until(
    async () => (await policyOf("provider.crowded"))["bulkhead"]?.["in_flight"] === 2,
    10_000,
    "both calls under way",
  );
  // Of usual calls, and of those that do not go the short way; told before anything is set aside, so nothing is recorded.
  for (const headers of [{}, { "x-lyss-priority": "interactive" }, { "idempotency-key": "crowded-1" }]) {
    const refused = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, {
      headers,
      body: { model: "crowded", messages: [{ role: "user", content: "hi" }] },
    });
    assert.deepEqual([refused.status, (refused.body["error"] as Record<string, unknown>)["code"]], [503, "RES_002"]);
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  assert.equal((await policyOf("provider.crowded"))["bulkhead"]?.["refused"], 3);
  assert.deepEqual(
    (await listUsage(platform)).filter(({ model }) => model === "crowded"),
    [],
  );
  assert.equal((await chat("steady")).status, 200);
  hanging.abort();
  await Promise.all(held);
  await until(
    async () => (await policyOf("provider.crowded"))["bulkhead"]?.["in_flight"] === 0,
    5_000,
    "places given back",
  );
  assert.equal((await chat("crowded")).status, 200);
  await waitForNoHold(platform);
});

test("of calls that wait for a place those of batch work go after those for which somebody waits", async () => {
  const send = (priority: string, metadata: object, signal?: AbortSignal) =>
    fetch(`${platform.url}/v1/chat/completions`, {
      ...{ method: "POST", ...(signal && { signal }) },
      headers: {
        ...{ authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
        "x-lyss-priority": priority,
      },
      body: JSON.stringify({ model: "queued", messages: [{ role: "user", content: "hi" }], metadata }),
    });
  const place = async (is: string, wanted: number) =>
    until(async () => (await policyOf("provider.queued"))["bulkhead"]?.[is] === wanted, 10_000, `${wanted} ${is}`);
  const hanging = new AbortController();
  const held = send("interactive", { "simulate.hang": "true" }, hanging.signal).catch(() => undefined);
  await place("in_flight", 1);
  const order: string[] = [];
  const calls: Promise<unknown>[] = [];
  for (const priority of ["batch", "batch", "background", "interactive"]) {
    calls.push(
      send(priority, {}).then(async (answer) => {
        await answer.arrayBuffer();
        order.push(`${priority} ${answer.status}`);
      }),
    );
    await place("queued", calls.length);
  }
  hanging.abort();
  await Promise.all([held, ...calls]);
  assert.deepEqual(order, ["interactive 200", "background 200", "batch 200", "batch 200"]);
  await waitForNoHold(platform);
});

test("usual calls wait for their place on the short way: one that is left there costs nothing, and the next has its turn", async () => {
  assert.equal((await chat("steady")).status, 200, "money is at hand from here on");
  const place = async (is: string, wanted: number) =>
    until(async () => (await policyOf("provider.queued"))["bulkhead"]?.[is] === wanted, 10_000, `${wanted} ${is}`);
  const asked = vendorOf("queued").callLog.length;
  const before = await handedOverCount();
  const held = sendAlone("queued", { "simulate.hang": "true" });
  await place("in_flight", 1);
  const left = sendAlone("queued", {});
  await place("queued", 1);
  const waiting = sendAlone("queued", { "simulate.tokens": "3" });
  await place("queued", 2);
  left.leave();
  await place("queued", 1);
  held.leave();
  assert.equal(await waiting.status, 200);
  waiting.leave();
  await place("in_flight", 0);
  assert.equal(await handedOverCount(), before, "none of them went the ordinary way");
  assert.equal(vendorOf("queued").callLog.length, asked + 2, "the vendor hears nothing of the one that was left");
  await waitForNoHold(platform);
  const recorded = async () => (await listUsage(platform)).filter(({ model }) => model === "queued").length;
  await until(async () => (await recorded()) >= asked + 2, 10_000, "usage of both that were sent");
  assert.equal(await recorded(), asked + 2);
});

test("a time limit before the first byte is a typed error, one within a stream ends it with an error event", async () => {
  const late = await chat("brief", { delay_ms: "5000" });
  assert.deepEqual([late.status, (late.body["error"] as Record<string, unknown>)["code"]], [504, "GATEWAY_008"]);
  const answer = await fetch(`${platform.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "brief",
      stream: true,
      messages: [{ role: "user", content: "hi" }],
      metadata: { "simulate.tokens": "50", "simulate.token_delay_ms": "100" },
    }),
  });
  const text = await answer.text();
  assert.ok(text.includes("GATEWAY_008") && !text.includes("[DONE]"), text.slice(-300));
  await waitForNoHold(platform);
});

test("R8: what was certainly not sent is sent again, and what was sent never is", async () => {
  assert.equal((await chat("dead")).status, 502);
  assert.deepEqual((await policyOf("provider.dead"))["retry"], { attempts: 3, retries: 2, refused_by_budget: 0 });
  const before = vendorOf("steady").callLog.length;
  assert.equal((await chat("steady", { error: "503" })).status, 503);
  assert.equal(vendorOf("steady").callLog.length, before + 1);
  await waitForNoHold(platform);
});

test("limits that are written into the file hold within two seconds, in both shapes of errors, and are lifted as fast", async () => {
  edit({ ...config, rateLimits: { perKey: { limit: 1, windowMs: "1h" } } });
  const models = () => requestJson(`${platform.url}/v1/models`, platform.apiKey);
  await until(async () => (await models()).status === 429, 2_000, "the limit");
  const refused = await models();
  assert.match(refused.headers.get("ratelimit") ?? "", /^"key";r=0;t=\d+$/);
  assert.ok(Number(refused.headers.get("retry-after")) > 3_000);
  assert.equal((refused.body["error"] as Record<string, unknown>)["code"], "rate_limit_exceeded");
  const own = await requestJson(`${platform.url}/api/v1/ai/models`, platform.apiKey);
  assert.deepEqual([own.status, (own.body["error"] as Record<string, unknown>)["code"]], [429, "RES_007"]);
  edit(config);
  await until(async () => (await models()).status === 200, 4_000, "no limit");
});

test("no route can be reached beside the limits", async () => {
  const document = JSON.parse(readFileSync(new URL("../../contracts/openapi.json", import.meta.url), "utf8"));
  const rateLimits = { perKey: { limit: 1, windowMs: "1d" }, perAddress: { limit: 1, windowMs: "1d" } };
  edit({ ...config, rateLimits });
  const ask = (path: string, method: string, key: string) =>
    fetch(platform.url + path, { method, ...(key && { headers: { authorization: `Bearer ${key}` } }) });
  for (const key of ["", platform.apiKey]) {
    await until(async () => (await ask("/v1/models", "GET", key)).status === 429, 4_000, "the limit");
    for (const [path, methods] of Object.entries(document.paths as Record<string, object>)) {
      for (const method of Object.keys(methods)) {
        const answer = await ask(path.replace(/\{\w+\}/g, "x"), method.toUpperCase(), key);
        assert.equal(answer.status, 429, `${method} ${path}`);
        await answer.body?.cancel();
      }
    }
  }
  for (const path of ["/health/live", "/metrics"]) assert.equal((await ask(path, "GET", "")).status, 200);
  edit(config);
  await until(async () => (await ask("/v1/models", "GET", platform.apiKey)).status === 200, 4_000, "no limit");
});

test("a file that is wrong changes nothing, and log and metrics say so; a key that is not live is told to wait", async () => {
  edit({ ...config, rateLimits: { perKey: { limit: 0 } }, degradation: { level: "static" } });
  await until(async () => (await metrics()).includes("config_invalid 1"), 4_000, "the complaint");
  assert.match(platform.output(), /rateLimits\.perKey\.limit/);
  assert.equal((await admin("resilience")).headers.get("x-lyss-degradation"), null);
  edit(config);
  await until(async () => (await metrics()).includes("config_invalid 0"), 4_000, "the correction");
  rmSync(file);
  await until(
    async () => (await metrics()).includes("config_invalid 1"),
    4_000,
    "the complaint about a file that is gone",
  );
  assert.equal((await chat("steady")).status, 200);
  edit({ ...config, http: { exposeMetrics: true, docBaseUrl: "https://docs.example/errors" } });
  await until(async () => (await metrics()).includes("config_keys_pending 1"), 4_000, "the hint");
  assert.match(platform.output(), /http\.docBaseUrl/);
  assert.match(await metrics(), /config_version_info\{version="[0-9a-f]{12}"\} 1/);
  edit(config);
  await until(async () => (await metrics()).includes("config_keys_pending 0"), 4_000, "all in force");
});

test("SIGHUP reads the file again, and ends nothing", async () => {
  edit({ ...config, degradation: { level: "reduced" } });
  process.kill(platform.pid, "SIGHUP");
  const level = async () => (await admin("resilience")).headers.get("x-lyss-degradation");
  await until(async () => (await level()) === "L1", 4_000, "the level");
  edit(config);
  await until(async () => (await level()) === null, 4_000, "no level");
});

test("policies change while calls go on, and a breaker that is open stays open", async () => {
  assert.equal(
    (await admin("resilience/policies/provider.flaky/breaker", { body: { action: "force_open" } })).status,
    200,
  );
  const policies = { ...config.resilience.policies, "provider.crowded": { bulkhead: { maxConcurrent: 7 } } };
  edit({ ...config, resilience: { policies: { ...policies, "provider.slow": { retry: {} } } } });
  await until(async () => (await policyOf("provider.slow"))["retry"] !== null, 4_000, "the new policy");
  const { state, forced } = (await policyOf("provider.flaky"))["breaker"] ?? {};
  assert.deepEqual([state, forced], ["open", true]);
  assert.equal((await chat("flaky")).status, 503);
  edit(config);
});

test("a person closes a breaker, sees the state, and sets the level; what is optional is then not offered", async () => {
  const reset = await admin("resilience/policies/provider.flaky/breaker", { body: { action: "reset" } });
  assert.deepEqual([reset.status, (reset.body["breaker"] as Record<string, unknown>)["state"]], [200, "closed"]);
  assert.equal((await chat("flaky")).status, 200);

  const set = (body: object) => admin("degradation", { method: "PUT", body });
  const providerTest = () =>
    requestJson(`${platform.url}/api/v1/ai/providers/steady:test`, platform.apiKey, { method: "POST" });
  assert.equal((await providerTest()).status, 200);
  assert.equal((await set({ level: "essential" })).status, 200);
  const refused = await providerTest();
  assert.deepEqual([refused.status, (refused.body["error"] as Record<string, unknown>)["code"]], [503, "RES_003"]);
  assert.equal((await chat("steady")).headers.get("x-lyss-degradation"), "L2");
  assert.equal((await set({ level: "normal", feature: "provider-test" })).status, 200);
  assert.equal((await providerTest()).status, 200, "a feature's own level wins");
  assert.equal((await set({ level: "normal" })).status, 200);
  assert.equal((await chat("steady")).headers.get("x-lyss-degradation"), null);
  assert.equal((await set({ level: "auto" })).status, 200);
  assert.equal((await set({ level: "auto", feature: "provider-test" })).status, 200);
  const list = () => sql`select 1 from event_log.event where type = 'degradation.level.changed'`;
  await until(async () => (await list()).length > 0, 3_000, "the event");
});

test("bad orders are told what is wrong, and need the operator's permission", async () => {
  const order = (path: string, body: object, method = "POST") => admin(path, { body, method });
  for (const [answer, status, code] of [
    [await order("resilience/policies/provider.nobody/breaker", { action: "reset" }), 404, "RES_004"],
    [await order("resilience/policies/provider.crowded/breaker", { action: "reset" }), 409, "RES_005"],
    [await order("resilience/policies/provider.flaky/breaker", { action: "explode" }), 400, "KIT_002"],
    [await order("degradation", { level: "reduced", feature: "nonsense" }, "PUT"), 404, "RES_006"],
    [await order("degradation", { level: "L9" }, "PUT"), 400, "KIT_002"],
  ] as const) {
    assert.deepEqual([answer.status, (answer.body["error"] as Record<string, unknown>)["code"]], [status, code]);
  }
  const made = await requestJson(`${platform.url}/v1/keys`, platform.apiKey, {
    body: { name: "caller", permissions: ["model:call"] },
  });
  const answer = await requestJson(`${platform.url}/admin/resilience`, String(made.body["secret"]));
  assert.equal(answer.status, 403);
});
