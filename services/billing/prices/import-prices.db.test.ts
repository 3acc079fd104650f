import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { billing } from "../service.ts";
import { priceCatalog } from "./catalog.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops } = service;
const model = "gpt-4o-mini";
const known = {
  rates: { input: 150_000_000n, cacheRead: 75_000_000n, output: 600_000_000n },
  modes: { batch: { input: 75_000_000n, output: 300_000_000n } },
};
const openai = (name: string) => ({ provider: "openai", model: name });
const statesOf = async (isDryRun: boolean, wishes?: readonly { provider: string; model: string }[]) => {
  const lines = await ops.importPrices({ tenantId: "", wishes, provider: "openai", isDryRun });
  return lines.map((line) => [line.model, line.state, line.direction]);
};
const priceOf = async (name: string) => {
  const prices = await ops.listPrices({ tenantId: "", provider: "openai" });
  return prices.find((price) => price.model === name);
};

test("the catalog's prices are whole nanos, each name stands for one model, and what is not sold by the token is left out", () => {
  assert.deepEqual(priceCatalog.findTerms("openai", model), known);
  assert.deepEqual(priceCatalog.findTerms("openai", "gpt-4o-mini-2024-07-18"), known);
  for (const none of ["whisper-1", "gpt-4o-mini-2", "toString", ""]) {
    assert.equal(priceCatalog.findTerms("openai", none), undefined, none);
  }
  assert.equal(priceCatalog.providerAt("https://api.openai.com/v1"), "openai");
  assert.equal(priceCatalog.providerAt("https://api.openai.com.evil.example/v1"), undefined);
  assert.equal(priceCatalog.providerAt("no url"), undefined);
  const claude = priceCatalog.findTerms("anthropic", "claude-sonnet-4-5");
  assert.deepEqual(claude?.rates.cacheWrite1h, 6_000_000_000n);
  assert.deepEqual(claude?.tiers?.[0]?.aboveInputTokens, 200_000n);
  assert.deepEqual(
    [claude?.modes?.batch?.input, claude?.tiers?.[0]?.modes?.batch?.input],
    [1_500_000_000n, 3_000_000_000n],
  );
  const batchOf = (provider: string, name: string) => priceCatalog.findTerms(provider, name)?.modes?.batch;
  const halved = { input: 500_000_000n, output: 2_500_000_000n };
  const cached = { cacheRead: 50_000_000n, cacheWrite5m: 625_000_000n, cacheWrite1h: 1_000_000_000n };
  assert.deepEqual(batchOf("anthropic", "claude-haiku-4-5"), { ...halved, ...cached });
  const gemini = { input: 150_000_000n, output: 1_250_000_000n, audioInput: 500_000_000n };
  assert.deepEqual(batchOf("google", "gemini-2.5-flash"), gemini);
  assert.deepEqual(batchOf("mistral", "mistral-large-latest"), { input: 1_000_000_000n, output: 3_000_000_000n });
  assert.equal(batchOf("deepseek", "deepseek-chat"), undefined);
  for (const provider of priceCatalog.providers) {
    assert.ok(priceCatalog.listModels(provider).length > 0, provider);
    for (const name of priceCatalog.listModels(provider)) {
      const { input, output } = priceCatalog.findTerms(provider, name)?.rates ?? {};
      assert.ok(input !== undefined && output !== undefined, `${provider} ${name}`);
    }
  }
});

test("a dry run shows what would be put and puts nothing; an import puts it once, and a repeat nothing", async () => {
  const wishes = [openai(model), openai("nobody-knows-it")];
  const expected = [
    [model, "new", undefined],
    ["nobody-knows-it", "missing", undefined],
  ];
  assert.deepEqual(await statesOf(true, wishes), expected);
  assert.equal(await priceOf(model), undefined);
  assert.deepEqual(await statesOf(false, wishes), expected);
  const price = await priceOf(model);
  assert.deepEqual([price?.terms, price?.origin, price?.version], [known, "catalog", 1]);
  assert.deepEqual(await statesOf(false), [[model, "same", "equal"]]);
  assert.equal((await priceOf(model))?.version, 1);
});

test("what a person has corrected wins over later imports, and so does what the configuration says", async () => {
  const put = (name: string, input: bigint, origin: "operator" | "provider") =>
    ops.putPrices({ tenantId: "", prices: [{ ...openai(name), terms: { rates: { input, output: 1n } } }], origin });
  await statesOf(false, [openai("gpt-4o")]);
  await put("gpt-4o", 1n, "operator");
  await put("o3", 1_000_000_000_000n, "provider");
  const lines = await statesOf(false, [openai("gpt-4o"), openai("o3")]);
  assert.deepEqual(lines, [
    ["gpt-4o", "kept", "higher"],
    ["o3", "kept", "mixed"],
  ]);
  assert.equal((await priceOf("gpt-4o"))?.terms.rates.input, 1n);
});

test("a price is found by where the provider is and what it calls the model, whatever both are called here", async () => {
  const wishes = [
    { provider: "mine", model: "small", baseUrl: "https://api.openai.com/v1", upstreamName: model },
    { provider: "openai", model, baseUrl: "https://proxy.example/v1" },
  ];
  const lines = await ops.importPrices({ tenantId: "ten_1", wishes, isDryRun: false });
  assert.deepEqual(
    lines.map(({ state }) => state),
    ["new", "missing"],
  );
  const own = await ops.listPrices({ tenantId: "ten_1", provider: "mine" });
  assert.deepEqual([own[0]?.model, own[0]?.terms, own[0]?.tenantId], ["small", known, "ten_1"]);
});
