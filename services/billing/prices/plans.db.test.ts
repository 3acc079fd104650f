import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { costOf, type PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import type { Fact } from "../fact.ts";
import { billing } from "../service.ts";
import { createPriceStore } from "./price-store.ts";
import { createPriceVersions } from "./price-versions.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, random } = service;
const flat = (input: bigint, markupPpm?: number): PriceTerms => ({
  rates: { input },
  ...(markupPpm && { markupPpm }),
});
const newName = (kind: string) => random.id(kind).toLowerCase().replace("_", "-");

async function createTenant(): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000_000_000_000n, reference: "start", source: "grant" });
  return tenantId;
}

async function createPlan(markupPpm: number, description = ""): Promise<string> {
  const { name } = await ops.putPlan({ name: newName("plan"), description, markupPpm });
  return name;
}

const put = (model: string, terms: PriceTerms, more: Partial<Parameters<typeof ops.putPrices>[0]> = {}) =>
  ops.putPrices({ tenantId: "", prices: [{ provider: "p", model, terms }], origin: "operator", ...more });
const reserve = (tenantId: string, model: string, callId = random.id("call")) =>
  ops.reserveCall({
    ...{ callId, tenantId, requestId: "r", keyId: "k", userId: "u", provider: "p", model },
    ...{ inputTokens: 1_000n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1n },
  });
const priceFor = async (tenantId: string, model: string) => {
  const prices = await ops.listPrices({ tenantId, provider: "p" });
  return prices.find((price) => price.model === model);
};

function factOf(tenantId: string, model: string, priceId: string, more: Partial<Fact> = {}): Fact {
  return {
    ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_1", requestId: "r", tenantId, keyId: "k", userId: "u" },
    ...{ provider: "p", model, priceId, outcome: "completed", isEstimated: false, latencyMs: 5n },
    ...{ inputTokens: 1_000n, cachedInputTokens: 0n, outputTokens: 0n, startedAtMs: 1_700_000_000_000n },
    ...more,
  };
}

test("a plan's mark-up is added to what holds for all, its own price takes the place of it, and a tenant's own of both", async () => {
  const [tenantId, model, plan] = [await createTenant(), newName("model"), await createPlan(-200_000)];
  await put(model, flat(10_000_000n, 100_000));
  assert.equal((await reserve(tenantId, model)).amountNanos, 11_000n);
  for (const _ of [1, 2]) await ops.assignPlan({ name: plan, tenantId });
  const hold = await reserve(tenantId, model);
  assert.equal(hold.amountNanos, 9_000n, "ten percent on, twenty off");
  assert.match(hold.priceId, /^prc_\w+\+plv_\w+$/);
  assert.equal((await priceFor(tenantId, model))?.priceId, hold.priceId);
  await put(model, flat(3_000_000n), { plan });
  assert.equal((await reserve(tenantId, model)).amountNanos, 3_000n);
  assert.equal((await priceFor(tenantId, model))?.terms.rates.input, 3_000_000n);
  await put(model, flat(5_000_000n), { tenantId });
  assert.equal((await reserve(tenantId, model)).amountNanos, 5_000n);
  const other = await createTenant();
  assert.equal((await reserve(other, model)).amountNanos, 11_000n);
  await ops.assignPlan({ name: plan, tenantId: other });
  assert.equal((await reserve(other, model)).amountNanos, 3_000n);
  await ops.unassignPlan({ name: plan, tenantId: other });
  assert.equal((await reserve(other, model)).amountNanos, 11_000n);
});

test("a discount of all that a price comes to makes it free and no cheaper", async () => {
  const [tenantId, model, plan] = [await createTenant(), newName("model"), await createPlan(-1_000_000)];
  await put(model, flat(10_000_000n, -500_000));
  await ops.assignPlan({ name: plan, tenantId });
  assert.equal((await reserve(tenantId, model)).amountNanos, 0n);
});

test("a plan's mark-up has versions: a call keeps the one at which it was admitted, and names it", async () => {
  const [tenantId, model, plan] = [await createTenant(), newName("model"), await createPlan(100_000)];
  await put(model, flat(1_000_000n));
  await ops.assignPlan({ name: plan, tenantId });
  const hold = await reserve(tenantId, model);
  const changed = await ops.putPlan({ name: plan, description: "dearer", markupPpm: 500_000 });
  const again = await ops.putPlan({ name: plan, description: "dearer", markupPpm: 500_000 });
  assert.deepEqual([changed.version, changed.tenants, again], [2, 1, changed]);
  assert.equal((await reserve(tenantId, model)).amountNanos, 1_500n);
  const used = { inputTokens: 1_000n, cachedInputTokens: 0n, outputTokens: 0n, isEstimated: false, latencyMs: 1n };
  const ended = await ops.settleCall({ callId: hold.callId, tenantId, ...used, outcome: "completed" });
  assert.deepEqual([ended.costNanos, ended.priceId], [1_100n, hold.priceId]);
  const facts = [
    factOf(tenantId, model, hold.priceId),
    factOf(tenantId, model, (await reserve(tenantId, model)).priceId),
  ];
  await ops.postFacts({ facts });
  const { rows } = await ops.listUsage({ tenantId, limit: 10 });
  const costs = facts.map(({ callId }) => rows.find((row) => row.callId === callId)?.costNanos);
  assert.deepEqual(costs, [1_100n, 1_500n]);
});

test("plans and versions page in their order, and what does not exist is said to", async () => {
  const names = [];
  for (let i = 0; i < 3; i++) names.push(await createPlan(i));
  const seen: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await ops.listPlans({ limit: 1, cursor });
    seen.push(...page.rows.map(({ name }) => name));
    cursor = page.nextCursor;
    if (!cursor) break;
  }
  assert.deepEqual(seen, [...seen].sort());
  assert.ok(names.every((name) => seen.includes(name)));

  const model = newName("model");
  for (let i = 1n; i <= 3n; i++) await put(model, flat(i));
  const first = await ops.listPriceVersions({ provider: "p", model, limit: 2 });
  const rest = await ops.listPriceVersions({ provider: "p", model, limit: 2, cursor: first.nextCursor });
  assert.deepEqual(
    [...first.rows, ...rest.rows].map(({ version, terms }) => [version, terms.rates.input]),
    [
      [3, 3n],
      [2, 2n],
      [1, 1n],
    ],
  );
  assert.equal(rest.nextCursor, undefined);

  const tenants = await Promise.all([createTenant(), createTenant()]);
  const [plan = ""] = names;
  for (const tenantId of tenants) await ops.assignPlan({ name: plan, tenantId });
  const asked = await ops.listPlanTenants({ name: plan, tenantIds: [tenants[1] ?? "", "ten_none"], limit: 10 });
  assert.deepEqual(
    asked.rows.map(({ tenantId }) => tenantId),
    [tenants[1]],
  );
  const page = await ops.listPlanTenants({ name: plan, limit: 1 });
  const last = await ops.listPlanTenants({ name: plan, limit: 1, cursor: page.nextCursor });
  assert.deepEqual(
    [...page.rows, ...last.rows].map(({ tenantId }) => tenantId),
    tenants.sort(),
  );
  for (const ask of [
    () => ops.getPlan({ name: "none" }),
    () => ops.assignPlan({ name: "none", tenantId: "ten_1" }),
    () => put(model, flat(1n), { plan: "none" }),
  ]) {
    await assert.rejects(ask(), (err) => isFailure(err, billingFailures.plan_not_found));
  }
});

test("a price cannot be put into the past, and a repeat of what has begun meanwhile is none", async () => {
  const model = newName("model");
  const past = put(model, flat(1n), { effectiveAt: new Date(Date.now() - 1) });
  await assert.rejects(past, (err) => isFailure(err, kitFailures.invalid_request));
  assert.equal((await ops.listPriceVersions({ provider: "p", model, limit: 5 })).rows.length, 0);
});

test("what calls would have cost is what they cost with those prices, whatever they are", async () => {
  const seed = 77;
  const { between } = createSeeded(seed);
  const [tenantId, plan] = [await createTenant(), await createPlan(-100_000)];
  const models = [newName("model"), newName("model"), newName("model")];
  const proposed = new Map<string, PriceTerms>();
  const facts: Fact[] = [];
  for (const model of models) {
    const [price] = await put(model, flat(BigInt(between(1, 5_000_000))));
    const terms: PriceTerms = {
      rates: { input: BigInt(between(1, 5_000_000)), reasoning: BigInt(between(1, 9_000_000)) },
      tiers: [{ aboveInputTokens: 500n, rates: { input: BigInt(between(1, 5_000_000)) } }],
      modes: { flex: { input: BigInt(between(1, 5_000_000)) } },
      windows: [{ fromMinute: 600, toMinute: 700, rates: { input: BigInt(between(1, 5_000_000)) } }],
    };
    if (model !== models[2]) proposed.set(model, terms);
    for (let i = 0; i < 120; i++) {
      facts.push(
        factOf(tenantId, model, price?.priceId ?? "", {
          ...{ inputTokens: BigInt(between(1, 1_000)), startedAtMs: BigInt(between(0, 86_399_999)) },
          ...(between(0, 1) && { otherBuckets: { reasoning: BigInt(between(1, 50)) } }),
          ...(between(0, 3) === 0 && { serviceMode: "flex" as const }),
        }),
      );
    }
  }
  await ops.postFacts({ facts });
  const range = { tenantId, fromMs: 0, toMs: 86_400_000 };
  const prices = [...proposed].map(([model, terms]) => ({ provider: "p", model, terms }));
  const estimates = await ops.estimateCosts({ ...range, prices, plan: undefined, markupPpm: undefined });
  assert.equal(estimates.length, 3, `seed ${seed}`);
  for (const { model, calls, chargedNanos, proposedNanos, unchanged } of estimates) {
    const { rows } = await ops.listUsage({ tenantId, limit: 200, model });
    const terms = proposed.get(model);
    const sum = (costOfRow: (row: (typeof rows)[number]) => bigint) =>
      rows.reduce((total, row) => total + costOfRow(row), 0n);
    const cost = terms
      ? sum((row) => {
          const when = { startedAtMs: Number(row.startedAtMs), ...(row.serviceMode && { mode: row.serviceMode }) };
          return costOf(terms, toQuantities(row), when).costNanos;
        })
      : chargedNanos;
    assert.deepEqual(
      [calls, chargedNanos, proposedNanos, unchanged],
      [120n, sum((row) => row.costNanos), cost, terms ? 0n : 120n],
      `seed ${seed}, ${model}`,
    );
  }
  const underPlan = await ops.estimateCosts({ ...range, prices: [], plan, markupPpm: undefined });
  const less = await ops.estimateCosts({ ...range, prices: [], plan: undefined, markupPpm: -100_000 });
  assert.deepEqual(underPlan, less);
  assert.ok(underPlan.every((it) => it.proposedNanos < it.chargedNanos && it.unchanged === 0n));
  const none = await ops.estimateCosts({ ...range, tenantId: "ten_none", prices, plan, markupPpm: 5 });
  assert.deepEqual(none, []);
  for (const bad of [{ fromMs: range.toMs }, { toMs: 94 * 86_400_000 }]) {
    const asked = ops.estimateCosts({ ...range, ...bad, prices, plan: undefined, markupPpm: undefined });
    await assert.rejects(asked, (err) => isFailure(err, kitFailures.invalid_request));
  }
});

test("B21: while prices and plans change all the time no call mixes versions, and each charge follows from its row", async () => {
  const isFull = process.env["SCENARIO_FULL"] === "1";
  const [calls, atOnce, seed] = [isFull ? 10_000 : 1_000, 50, 21];
  const { between } = createSeeded(seed);
  const [tenantId, model, plan] = [await createTenant(), newName("model"), await createPlan(0)];
  await put(model, flat(1_000_000n));
  await ops.assignPlan({ name: plan, tenantId });
  const updating = new AbortController();
  const updated = (async () => {
    for (let i = 1; !updating.signal.aborted; i++) {
      await put(model, flat(BigInt(between(1, 9_000_000)), between(0, 500_000)));
      if (i % 5 === 0) await ops.putPlan({ name: plan, description: "", markupPpm: between(-500_000, 500_000) });
      // Far more often than every 100 ms: one after the other, between the calls.
      await new Promise(setImmediate);
    }
  })();
  const holds = new Map<string, { priceId: string; amountNanos: bigint }>();
  let begun = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (begun++ < calls) {
        const hold = await reserve(tenantId, model);
        holds.set(hold.callId, hold);
        const used = { inputTokens: 1_000n, cachedInputTokens: 0n, outputTokens: 0n };
        const how = { isEstimated: false, latencyMs: 1n, outcome: "completed" } as const;
        if (begun % 2 === 0) await ops.settleCall({ callId: hold.callId, tenantId, ...used, ...how });
        else {
          const fact = factOf(tenantId, model, hold.priceId, { callId: hold.callId, leaseId: "" });
          await ops.postFacts({ facts: [fact] });
        }
      }
    }),
  );
  updating.abort();
  await updated;
  // From the database alone, as another process would.
  const versions = createPriceVersions(createPriceStore(service.db.sql));
  const used = new Set<string>();
  let rowsSeen = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await ops.listUsage({ tenantId, limit: 200, cursor });
    const known = await service.db.transaction(async (tx) =>
      versions.find(
        tx,
        page.rows.map((row) => row.priceId),
      ),
    );
    for (const row of page.rows) {
      const hold = holds.get(row.callId);
      const price = known.get(row.priceId);
      assert.ok(price && hold, `seed ${seed}`);
      assert.equal(row.priceId, hold.priceId);
      const { costNanos } = costOf(price.terms, toQuantities(row), { startedAtMs: Number(row.startedAtMs) });
      assert.deepEqual([row.costNanos, hold.amountNanos], [costNanos, costNanos]);
      used.add(row.priceId);
      rowsSeen++;
    }
    cursor = page.nextCursor;
    if (!cursor) break;
  }
  assert.equal(rowsSeen, calls);
  assert.ok(used.size > 10, `${used.size} versions`);
  await assertIntegrity(ops);
});
