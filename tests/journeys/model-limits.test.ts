import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { listUsage, waitForNoCall } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-vendor" });
scope.after(simulator.stop);

/** Two accounts with one model. */
const config = {
  providers: ["first", "second"].map((name) => ({
    ...{ name, baseUrl: `${simulator.url}/v1`, apiKey: "sk-vendor" },
    models: [
      {
        ...{ name: "chat", upstreamName: "simulated-chat", maxOutputTokens: 50 },
        ...{ inputUsdPerMillion: "1", outputUsdPerMillion: "2" },
      },
    ],
  })),
  aiGateway: { simulator: false },
  log: { level: "error" },
};
const platform = await runPlatform(scope, { config });

const limits = (path: string, init: Parameters<typeof requestJson>[2] = {}) =>
  requestJson(`${platform.url}/admin/model-limits${path}`, platform.apiKey, init);
const put = async (name: string, body: object) => {
  const { status, body: answer } = await limits(`/${name}`, { method: "PUT", body });
  assert.equal(status, 200, JSON.stringify(answer));
};
const remove = (name: string) => limits(`/${name}`, { method: "DELETE" });

/** Ways on which a call may go: the short one, and the ordinary one. */
const ways = [{}, { "idempotency-key": "" }];
let calls = 0;

function chat(way: Readonly<Record<string, string>> = {}) {
  return requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, {
    body: { model: "chat", messages: [{ role: "user", content: `hello ${++calls}` }] },
    headers: { ...way, ...("idempotency-key" in way && { "idempotency-key": `call-${calls}` }) },
  });
}
const servedBy = async (way: Readonly<Record<string, string>>) => (await chat(way)).headers.get("lyss-provider");

test("an account at its limit is passed over; only where all are, 429 says for how long, and nothing is charged", async () => {
  for (const way of ways) {
    await put("first", { provider: "first", requests_per_minute: 1 });
    assert.deepEqual([await servedBy(way), await servedBy(way)], ["first", "second"]);
    await put("second", { provider: "second", requests_per_minute: 1 });
    assert.equal(await servedBy(way), "second", "a limit that was made anew counts from nothing");
    const refused = await chat(way);
    assert.equal(refused.status, 429);
    const { code, type } = refused.body["error"] as Record<string, unknown>;
    assert.deepEqual([code, type], ["rate_limit_exceeded", "rate_limit_error"]);
    const seconds = Number(refused.headers.get("retry-after"));
    assert.ok(seconds >= 1 && seconds <= 65, String(seconds));
    for (const name of ["first", "second"]) assert.equal((await remove(name)).status, 200);
    assert.equal(await servedBy(way), "first");
  }
  await waitForNoCall(platform);
  assert.equal((await listUsage(platform)).length, ways.length * 4);
});

test("tokens and cost count as they were charged, and the platform shows what counts now", async () => {
  for (const way of ways) {
    await put("spent", { provider: "first", cost_usd: "100", tokens_per_minute: 1_000_000 });
    const { body } = await chat(way);
    const { prompt_tokens: input, completion_tokens: output } = body["usage"] as Record<string, number>;
    const used = async () => (await limits("/spent")).body["used"] as Record<string, unknown>;
    await waitUntil(async () => (await used())["cost_nanos"] !== "0");
    assert.deepEqual(await used(), {
      ...{ in_flight: 0, requests: 1, tokens: Number(input) + Number(output) },
      cost_nanos: String(1_000 * Number(input) + 2_000 * Number(output)),
    });
    await remove("spent");
  }
});

test("W42: no header of a provider's limits reaches a caller; a caller's own are told in its dialect", async () => {
  const limitHeaders = (headers: Headers) =>
    Object.fromEntries([...headers].filter(([name]) => /ratelimit-.*(requests|tokens)/.test(name)));
  for (const way of ways) assert.deepEqual(limitHeaders((await chat(way)).headers), {});
  await put("account", { provider: "first", requests_per_minute: 1_000 });
  for (const way of ways) assert.deepEqual(limitHeaders((await chat(way)).headers), {}, "nor one of the account");
  await put("mine", { model: "chat", per: "key", requests_per_minute: 4 });
  for (const [at, way] of ways.entries()) {
    const told = limitHeaders((await chat(way)).headers);
    assert.equal(told["x-ratelimit-limit-requests"], "4");
    assert.equal(told["x-ratelimit-remaining-requests"], String(3 - at));
    assert.match(told["x-ratelimit-reset-requests"] ?? "", /^\d+s$/);
  }
  const ask = () =>
    requestJson(`${platform.url}/v1/messages`, platform.apiKey, {
      body: { model: "chat", max_tokens: 20, messages: [{ role: "user", content: "hi" }] },
    });
  for (const remaining of ["1", "0"]) {
    const told = limitHeaders((await ask()).headers);
    assert.equal(told["anthropic-ratelimit-requests-remaining"], remaining);
    assert.ok(Date.parse(told["anthropic-ratelimit-requests-reset"] ?? "") > Date.now());
  }
  const refused = await ask();
  assert.deepEqual([refused.status, (refused.body["error"] as { type: string }).type], [429, "rate_limit_error"]);
  assert.equal(limitHeaders(refused.headers)["anthropic-ratelimit-requests-remaining"], "0");
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  for (const name of ["account", "mine"]) await remove(name);
});

test("the file's limits count as soon as it has changed, and are changed there only", async () => {
  const file = join(platform.dataDir, "lyss.yaml");
  const edit = (limit: readonly object[]) => {
    writeFileSync(`${file}.new`, JSON.stringify({ ...config, modelLimits: { limits: limit } }));
    renameSync(`${file}.new`, file);
  };
  edit([{ name: "filed", provider: "first", maxConcurrent: 1, requestsPerMinute: 1 }]);
  await waitUntil(async () => (await servedBy({})) === "second");
  const refused = await limits("/filed", { method: "PUT", body: { provider: "first", max_concurrent: 9 } });
  assert.deepEqual([refused.status, (refused.body["error"] as { code: string }).code], [409, "GATEWAY_028"]);
  edit([]);
  await waitUntil(async () => (await servedBy({})) === "first");
});

test("the file's providers, their keys, models, prices and routes count as soon as it has changed", async () => {
  const file = join(platform.dataDir, "lyss.yaml");
  const edit = (more: object) => {
    writeFileSync(`${file}.new`, JSON.stringify({ ...config, ...more }));
    renameSync(`${file}.new`, file);
  };
  const third = (apiKey: string, outputUsdPerMillion: string) => ({
    ...{ name: "third", baseUrl: `${simulator.url}/v1`, apiKey },
    models: [{ name: "fresh", upstreamName: "simulated-chat", inputUsdPerMillion: "1", outputUsdPerMillion }],
  });
  const routes = [{ name: "way", strategy: "fallback", targets: [{ provider: "third", model: "fresh" }] }];
  const statusOf = async (model: string) => {
    const body = { model, max_tokens: 2, messages: [{ role: "user", content: "hi" }] };
    return (await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, { body })).status;
  };
  const shownPrice = async () => {
    const { body: shown } = await requestJson(`${platform.url}/api/v1/ai/providers/third`, platform.apiKey);
    return (shown["models"] as { output_usd_per_million: string }[])[0]?.output_usd_per_million;
  };
  const versionNow = async () =>
    /config_version_info\{version="(\w+)"\} 1/.exec(await (await fetch(`${platform.url}/metrics`)).text())?.[1];
  assert.equal(await statusOf("fresh"), 404);
  const before = await versionNow();
  edit({ providers: [...config.providers, third("sk-wrong", "1")], routes });
  await waitUntil(async () => (await statusOf("way")) === 502);
  assert.notEqual(await versionNow(), before);
  edit({ providers: [...config.providers, third("sk-vendor", "2")], routes });
  // The key counts once it is sealed, the prices a few statements later.
  await waitUntil(async () => (await shownPrice()) === "2");
  assert.equal(await statusOf("way"), 200);
  edit({});
  await waitUntil(async () => (await statusOf("fresh")) === 404);
  assert.equal(await versionNow(), before);
  assert.equal(await servedBy({}), "first", "the others are as they were");
});

test("limits are put, shown, listed and deleted by command", async () => {
  const env = { LYSS_URL: platform.url, LYSS_API_KEY: platform.apiKey };
  const lyss = (...words: readonly string[]) => runLyss(["model-limit", ...words], env);
  const made = await lyss("put", "by-hand", "--provider", "first", "--tokens-per-minute", "5000", "--cost-usd", "2.5");
  assert.deepEqual([made.code, made.complaint], [0, ""]);
  assert.match(made.output, /tokens a minute +5000/);
  assert.match((await lyss("list")).output, /by-hand +first\/\* +all +.*5000.*2\.5 +api +1/);
  const stale = await lyss("put", "by-hand", "--model", "chat", "--max-concurrent", "3", "--if-version", "7");
  assert.match(stale.complaint, /version 1, not 7/);
  assert.match((await lyss("get", "by-hand")).output, /under way +0/);
  assert.equal((await lyss("delete", "by-hand")).output, "by-hand is removed.\n");
  assert.equal((await lyss("put", "by-hand", "--provider", "first")).code, 1, "it limits nothing");
});
