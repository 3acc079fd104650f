import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

// A change of a route is tried by a share of its callers, and taken back where it does worse.

const scope = closeInReverse({ after });
const behaviours = { old: {}, new: {}, broken: { "simulate.error": "500" }, slow: { "simulate.delay_ms": "1500" } };
const providers = [];
for (const [name, directives] of Object.entries(behaviours)) {
  const vendor = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk", directives });
  scope.after(vendor.stop);
  const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
  providers.push({
    ...{ name, baseUrl: `${vendor.url}/v1`, apiKey: "sk" },
    models: [{ ...price, name: "chat", upstreamName: "simulated-chat", maxOutputTokens: 50 }],
  });
}
const platform = await runPlatform(scope, {
  config: { providers, aiGateway: { simulator: false }, log: { level: "error" } },
});
const { url, apiKey } = platform;
const at = (provider: string) => ({ provider, model: "chat" });

const rollouts = (path: string, method = "GET", body?: object) =>
  requestJson(`${url}/api/v1/ai/route-rollouts/${path}`, apiKey, { method, ...(body && { body }) });
const putRoute = (name: string, provider: string) =>
  requestJson(`${url}/api/v1/ai/routes/${name}`, apiKey, { method: "PUT", body: { targets: [at(provider)] } });

const keys: string[] = [];
for (let n = 0; n < 12; n++) {
  const { body } = await requestJson(`${url}/v1/keys`, apiKey, { body: { name: `k${n}` } });
  keys.push(String(body["secret"] ?? body["key"]));
}

let calls = 0;
/** The provider that a key's call comes to; on the short way, and on the ordinary one. */
async function call(model: string, key: string): Promise<string | null> {
  const isShort = ++calls % 2 === 0;
  const answer = await requestJson(`${url}/v1/chat/completions`, key, {
    body: { model, messages: [{ role: "user", content: `hello ${calls} simulate.tokens=2` }] },
    headers: isShort ? {} : { "idempotency-key": `call-${calls}` },
  });
  return answer.headers.get("lyss-provider");
}
const askAll = (model: string) => Promise.all(keys.map((key) => call(model, key)));
const those = (served: readonly (string | null)[], name: string) => keys.filter((_key, n) => served[n] === name);

test("a share of the callers has the new version, always the same ones; it grows by command, and becomes the route", async () => {
  await putRoute("smart", "old");
  const started = await rollouts("smart", "PUT", { percent: 40, targets: [at("new")] });
  assert.deepEqual([started.status, started.body["state"], started.body["percent"]], [200, "running", 40]);
  const first = await askAll("smart");
  assert.deepEqual(await askAll("smart"), first);
  const [few, others] = [those(first, "new"), those(first, "old")];
  assert.ok(few.length > 0 && others.length > 0, `${few.length} of ${keys.length}`);

  const refused = await putRoute("smart", "slow");
  assert.deepEqual([refused.status, Object(refused.body["error"]).code], [409, "GATEWAY_144"]);
  assert.equal((await rollouts("smart", "PUT", { percent: 5, targets: [at("slow")] })).status, 409);

  const grown = await rollouts("smart:promote", "POST", { percent: 99 });
  assert.deepEqual([grown.body["percent"], Object(grown.body["candidate"]).calls], [99, 0], "a stage of its own");
  const most = those(await askAll("smart"), "new");
  assert.ok(
    few.every((key) => most.includes(key)),
    "who had it keeps it",
  );
  // Calls that are refused on the way are none of either version.
  await waitUntil(async () => {
    await askAll("smart");
    const { body } = await rollouts("smart");
    return Object(body["current"]).calls + Object(body["candidate"]).calls >= keys.length;
  });

  const done = await rollouts("smart:promote", "POST", {});
  assert.equal(done.body["state"], "promoted");
  assert.deepEqual(new Set(await askAll("smart")), new Set(["new"]));
  const route = await requestJson(`${url}/api/v1/ai/routes/smart`, apiKey);
  assert.deepEqual([route.body["version"], (route.body["targets"] as { provider: string }[])[0]?.provider], [2, "new"]);
  const late = await rollouts("smart", "DELETE");
  assert.deepEqual([late.status, Object(late.body["error"]).code], [409, "GATEWAY_145"]);
  assert.equal((await putRoute("smart", "old")).status, 200, "it may be changed again");
});

for (const [what, provider, pattern] of [
  ["whose calls fail", "broken", /^errors: /],
  ["whose calls take longer", "slow", /^latency: /],
] as const) {
  test(`a new version ${what} is taken back by itself, and says why`, async () => {
    const name = `tried-${provider}`;
    await putRoute(name, "old");
    const gates = { min_calls: 5, max_error_increase: 0.1, max_latency_increase: 0.5 };
    await rollouts(name, "PUT", { percent: 50, gates, targets: [at(provider)] });
    await waitUntil(async () => {
      await askAll(name);
      return (await rollouts(name)).body["state"] !== "running";
    });
    const { body } = await rollouts(name);
    assert.deepEqual([body["state"], body["ended_at"] !== null], ["rolled_back", true]);
    assert.match(String(body["reason"]), pattern);
    assert.deepEqual(new Set(await askAll(name)), new Set(["old"]));
    const route = await requestJson(`${url}/api/v1/ai/routes/${name}`, apiKey);
    assert.equal(route.body["version"], 1, "the route has not changed");
  });
}

test("the command line starts, shows, promotes and stops a trial; there is none of what is no route of one's own", async () => {
  const env = { LYSS_URL: url, LYSS_API_KEY: apiKey };
  const lyss = (...args: string[]) => runLyss(["route", "rollout", ...args, "--json"], env);
  await putRoute("by-hand", "old");
  const started = await lyss("start", "by-hand", "--percent", "10", "--target", "new/chat", "--min-calls", "7");
  assert.equal(started.code, 0, started.complaint);
  const shown = JSON.parse((await lyss("show", "by-hand")).output);
  assert.deepEqual([shown.percent, shown.gates.min_calls, shown.version.targets[0].provider], [10, 7, "new"]);
  assert.equal(JSON.parse((await lyss("promote", "by-hand", "--percent", "50")).output).percent, 50);
  assert.equal(JSON.parse((await lyss("stop", "by-hand")).output).state, "stopped");
  assert.deepEqual(new Set(await askAll("by-hand")), new Set(["old"]));
  assert.equal((await rollouts("nobody")).status, 404);
  assert.equal((await rollouts("nobody", "PUT", { percent: 5, targets: [at("new")] })).status, 404);
  assert.equal((await rollouts("by-hand", "PUT", { percent: 5, targets: [at("nobody")] })).status, 400);
});
