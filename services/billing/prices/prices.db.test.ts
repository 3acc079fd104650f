import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { costOf, type PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Fact } from "../fact.ts";
import { billing } from "../service.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, random } = service;

const full: PriceTerms = {
  rates: { input: 2_500_000_000n, cacheRead: 250_000_000n, output: 15_000_000_000n, audioInput: 40_000_000_000n },
  tiers: [
    {
      aboveInputTokens: 272_000n,
      rates: { input: 5_000_000_000n, output: 22_500_000_000n },
      modes: { batch: { input: 2_500_000_000n } },
    },
  ],
  modes: { batch: { input: 1_250_000_000n, output: 7_500_000_000n }, priority: { input: 5_000_000_000n } },
  windows: [{ fromMinute: 990, toMinute: 30, rates: { output: 1_000_000_000n } }],
  markupPpm: 50_000,
};

async function createTenant(balanceNanos = 1_000_000_000_000n): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "grant" });
  return tenantId;
}

const newModel = () => random.id("model").toLowerCase();
const flat = (input: bigint): PriceTerms => ({ rates: { input } });
const put = (model: string, terms: PriceTerms, more: Partial<Parameters<typeof ops.putPrices>[0]> = {}) =>
  ops.putPrices({ tenantId: "", prices: [{ provider: "p", model, terms }], ...more });
const reserve = (tenantId: string, model: string, callId = random.id("call"), priceName = "") =>
  ops.reserveCall({
    ...{ callId, tenantId, requestId: "r", keyId: "k", userId: "u", provider: "p", model, priceName },
    ...{ inputTokens: 1_000n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1n },
  });

function factOf(tenantId: string, model: string, priceId: string, more: Partial<Fact> = {}): Fact {
  return {
    ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_1", requestId: "r", tenantId, keyId: "k", userId: "u" },
    ...{ provider: "p", model, priceId, outcome: "completed", isEstimated: false, latencyMs: 5n },
    ...{ inputTokens: 100n, cachedInputTokens: 20n, outputTokens: 30n, startedAtMs: BigInt(Date.UTC(2026, 4, 1, 12)) },
    ...more,
  };
}

test("terms of a price come back as they were put, with buckets, tiers, modes, windows and mark-up", async () => {
  const model = newModel();
  const [price] = await put(model, full);
  assert.deepEqual(price?.terms, full);
  const listed = await ops.listPrices({ tenantId: await createTenant(), provider: "p" });
  assert.deepEqual(listed.find((it) => it.model === model)?.terms, full);
  assert.equal((await put(model, { ...full, rates: { ...full.rates } }))[0]?.priceId, price?.priceId, "said twice");
});

test("facts are charged by bucket, tier, mode and time of day, and each row gives the same cost again", async () => {
  const [tenantId, model] = [await createTenant(), newModel()];
  const [price] = await put(model, full);
  assert.ok(price);
  const facts = [
    factOf(tenantId, model, price.priceId),
    factOf(tenantId, model, price.priceId, { otherBuckets: { reasoning: 900n, audioInput: 77n } }),
    factOf(tenantId, model, price.priceId, { inputTokens: 300_000n }),
    factOf(tenantId, model, price.priceId, { serviceMode: "batch" }),
    factOf(tenantId, model, price.priceId, { startedAtMs: BigInt(Date.UTC(2026, 4, 1, 23)) }),
  ];
  await ops.postFacts({ facts });
  const { rows } = await ops.listUsage({ tenantId, limit: 50 });
  const costs = facts.map((fact) => rows.find((row) => row.callId === fact.callId)?.costNanos);
  // 100 × 2,500 + 20 × 250 + 30 × 15,000 nanos and 5 %, and so on.
  assert.deepEqual(costs, [740_250n, 18_149_250n, 1_575_714_000n, 372_750n, 299_250n]);
  for (const row of rows) {
    const when = { startedAtMs: Number(row.startedAtMs), ...(row.serviceMode && { mode: row.serviceMode }) };
    assert.equal(row.priceId, price.priceId);
    assert.equal(costOf(price.terms, toQuantities(row), when).costNanos, row.costNanos);
  }
  const [reported] = rows.filter((row) => row.otherBuckets);
  assert.deepEqual(reported?.otherBuckets, { reasoning: 900n, audioInput: 77n });
});

test("a version that is to come takes over by itself, and a hold keeps the one at which it was taken", async () => {
  const [tenantId, model] = [await createTenant(), newModel()];
  const effectiveAt = new Date(Date.now() + 3_000);
  const [now] = await put(model, flat(1_000_000n));
  const [later] = await put(model, flat(7_000_000n), { effectiveAt, origin: "operator" });
  const [again] = await put(model, flat(7_000_000n), { effectiveAt, origin: "operator" });
  assert.deepEqual([now?.version, later?.version, again?.priceId], [1, 2, later?.priceId]);
  const ahead = await ops.listPrices({ tenantId, provider: "p", aheadMs: 60_000 });
  assert.deepEqual(
    ahead.filter((it) => it.model === model).map((it) => [it.priceId, it.isInForce]),
    [
      [now?.priceId, true],
      [later?.priceId, false],
    ],
  );
  const early = await reserve(tenantId, model);
  assert.deepEqual([early.priceId, early.amountNanos], [now?.priceId, 1_000n]);
  let hold = early;
  for (const until = Date.now() + 60_000; hold.priceId !== later?.priceId && Date.now() < until; ) {
    hold = await reserve(tenantId, model);
  }
  assert.deepEqual([hold.priceId, hold.amountNanos], [later?.priceId, 7_000n]);
  const used = { inputTokens: 1_000n, cachedInputTokens: 0n, outputTokens: 0n, isEstimated: false, latencyMs: 1n };
  const ended = await ops.settleCall({ callId: early.callId, tenantId, ...used, outcome: "completed" });
  assert.deepEqual([ended.costNanos, ended.priceId], [1_000n, now?.priceId]);
});

test("a correction stays until its source says something new, and the catalog never overrides anyone", async () => {
  const model = newModel();
  const current = async () => (await ops.listPrices({ tenantId: "", provider: "p" })).find((it) => it.model === model);
  const rateOf = async () => (await current())?.terms.rates.input;
  await put(model, flat(10n), { origin: "catalog" });
  await put(model, flat(11n), { origin: "catalog" });
  assert.equal(await rateOf(), 11n);
  await put(model, flat(20n));
  await put(model, flat(12n), { origin: "catalog" });
  assert.equal(await rateOf(), 20n, "the catalog gives way to the configuration");
  await put(model, flat(30n), { origin: "operator" });
  await put(model, flat(20n));
  await put(model, flat(13n), { origin: "catalog" });
  assert.equal(await rateOf(), 30n, "the configuration says nothing new");
  await put(model, flat(21n));
  assert.equal(await rateOf(), 21n);
  assert.equal((await current())?.version, 5);
});

test("a tenant's own price counts for that tenant only, and before it is in effect a model may have none", async () => {
  const [tenantId, other, model] = [await createTenant(), await createTenant(), newModel()];
  await put(model, flat(1n), { tenantId, effectiveAt: new Date(Date.now() + 3_600_000), origin: "operator" });
  await assert.rejects(reserve(tenantId, model), (err) => isFailure(err, billingFailures.price_missing));
  await put(model, flat(1_000_000n));
  await put(model, flat(5_000_000n), { tenantId });
  assert.equal((await reserve(tenantId, model)).amountNanos, 5_000n);
  assert.equal((await reserve(other, model)).amountNanos, 1_000n);
});

test("a hold whose price stands under another name is taken by that, and is the model's all the same", async () => {
  const [tenantId, model] = [await createTenant(), newModel()];
  await put(model, flat(1_000_000n));
  await put(`${model}#hd`, flat(7_000_000n));
  const hold = await reserve(tenantId, model, random.id("call"), `${model}#hd`);
  assert.deepEqual([hold.amountNanos, hold.model], [7_000n, model]);
  const missing = reserve(tenantId, model, random.id("call"), `${model}#8k`);
  await assert.rejects(missing, (err) => isFailure(err, billingFailures.price_missing));
});

test("the service's own role can change no version, and the database refuses terms of another shape", async () => {
  const [price] = await put(newModel(), full);
  const change = service.db.sql`update price set terms = '{}' where price_id = ${price?.priceId ?? ""}`;
  await assert.rejects(change, /permission denied/);
  for (const terms of [
    { rates: { input: 1 } },
    { rates: { input: "-1" } },
    { rates: { input: "1.5" } },
    { rates: [] },
    { rates: {}, tiers: {} },
    { rates: {}, color: "red" },
    { rates: {}, modes: { batch: { input: 1 } } },
    { rates: {}, windows: [{ fromMinute: 0, toMinute: 1, rates: { input: 1 } }] },
  ]) {
    const insert = service.sql`
      insert into price (price_id, tenant_id, provider, model, version, currency, terms)
      values (${random.id("prc")}, '', 'p', 'shape', 1, 'USD', ${JSON.stringify(terms)}::text::jsonb)`;
    await assert.rejects(insert, /terms_have_shape/, JSON.stringify(terms));
  }
});
