import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { type RawProvider, startRawProvider } from "../scenarios/raw-provider.ts";

// What a caller wants of the providers of one call: two vendors of one model, of which one asks for ten times as much.
const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-vendor" });
scope.after(simulator.stop);
const bodies: Readonly<Record<string, unknown>>[] = [];
const strict: RawProvider = await startRawProvider(scope, "strict", (res, _isStream, body) => {
  bodies.push(body);
  res.writeHead(503).end("{}");
});
const providers = [1, 10].map((usd, at) => ({
  ...{ name: ["cheap", "dear"][at], baseUrl: `${simulator.url}/v1`, apiKey: "sk-vendor" },
  ...(usd === 10 && { dataPolicy: "zero_retention", region: "eu-central-1" }),
  models: ["chat", "strict"].map((name) => ({
    ...{ name, upstreamName: "simulated-chat", maxOutputTokens: 50 },
    ...{ inputUsdPerMillion: `${usd}`, outputUsdPerMillion: `${2 * usd}` },
    ...(usd === 10 && { quantization: "bf16" }),
  })),
}));
const platform = await runPlatform(scope, {
  config: { providers: [strict.config, ...providers], aiGateway: { simulator: false }, log: { level: "error" } },
});
const { available: start } = await balanceOf(platform);

const messages = [{ role: "user", content: "hello" }];
const contents = [{ role: "user", parts: [{ text: "hello" }] }];
/** Each dialect refuses, or would send on, a field that it does not know. */
const dialects: Readonly<Record<string, object>> = {
  "/v1/chat/completions": { model: "chat", messages },
  "/v1/messages": { model: "chat", max_tokens: 20, messages },
  "/v1/responses": { model: "chat", input: "hello" },
  "/v1beta/models/chat:generateContent": { contents },
};

const call = (path: string, body: object, key = platform.apiKey) =>
  requestJson(platform.url + path, key, { body: { ...dialects[path], ...body } });

test("a caller says in any dialect which provider it wants for a call, first or only", async () => {
  for (const path of Object.keys(dialects)) {
    for (const [provider, served] of [
      [{ order: ["dear"] }, "dear"],
      [{ only: ["dear"] }, "dear"],
      [{ ignore: ["cheap"] }, "dear"],
      [{ order: ["dear"], max_price: { prompt: 1 } }, "cheap"],
      [{ sort: "price" }, "cheap"],
      [{ data_collection: "deny" }, "dear"],
      [{ zdr: true, sort: "price" }, "dear"],
      [{ data_collection: "allow" }, "cheap"],
      [{ regions: ["eu"] }, "dear"],
      [{ quantizations: ["fp16", "bf16"], sort: "price" }, "dear"],
      [{ quantizations: ["unknown"] }, "cheap"],
      [undefined, "cheap"],
    ] as const) {
      const answer = await call(path, provider ? { provider } : {});
      assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`);
      assert.equal(answer.headers.get("lyss-provider"), served, `${path} ${JSON.stringify(provider)}`);
    }
  }
});

test("what is wanted goes on with the call, and never upstream", async () => {
  const wanted = { order: ["strict", "dear"] };
  const answer = await call("/v1/chat/completions", { model: "strict", provider: wanted });
  assert.deepEqual([answer.headers.get("lyss-provider"), answer.headers.get("lyss-attempts")], ["dear", "2"]);
  assert.deepEqual([bodies.length, bodies[0]?.["provider"]], [1, undefined]);
  const alone = { order: ["strict"], allow_fallbacks: false };
  const refused = await call("/v1/chat/completions", { model: "strict", provider: alone });
  assert.deepEqual([refused.status, bodies.length], [503, 2]);
});

test("what cannot be had is refused by name, in the caller's dialect", async () => {
  const text = async (path: string, provider: unknown) => {
    const { status, body } = await call(path, { provider });
    assert.equal(status, 400);
    return JSON.stringify(body);
  };
  for (const path of Object.keys(dialects)) {
    assert.match(await text(path, { only: ["nobody"] }), /leaves no provider/);
    assert.match(await text(path, { data_collection: "never" }), /provider\.data_collection/);
    assert.match(await text(path, { only: ["cheap"], zdr: true }), /leaves no provider/);
    assert.match(await text(path, "dear"), /provider/);
  }
  assert.match(await text("/v1/messages", { sort: "x" }), /"type":"invalid_request_error"/);
});

test("a key that may not see the providers may not choose among them", async () => {
  const body = { name: "callers", permissions: ["model:call"] };
  const { body: key, status } = await requestJson(`${platform.url}/v1/keys`, platform.apiKey, { body });
  assert.equal(status, 201, JSON.stringify(key));
  for (const path of Object.keys(dialects)) {
    assert.equal((await call(path, { provider: { only: ["dear"] } }, String(key["secret"]))).status, 403, path);
    assert.equal((await call(path, {}, String(key["secret"]))).status, 200, path);
  }
});

test("each call was paid at the price of who served it", async () => {
  await waitForNoCall(platform);
  await waitForNoHold(platform);
  const rows = (await listUsage(platform)) as unknown as Record<string, unknown>[];
  for (const { provider, input_tokens: input, output_tokens: output, cost_nanos: nanos, status } of rows) {
    const usd = provider === "dear" ? 10_000 : 1_000;
    const expected = status === "completed" ? usd * Number(input) + 2 * usd * Number(output) : 0;
    assert.equal(Number(nanos), expected);
  }
  const spent = rows.reduce((sum, { cost_nanos: nanos }) => sum + BigInt(String(nanos)), 0n);
  const { available, held } = await balanceOf(platform);
  assert.deepEqual([start - available, held], [spent, 0n]);
  await assertMoneyAddsUp(platform);
});
