import assert from "node:assert/strict";
import { test } from "node:test";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createPriceCatalog } from "@lyss/services/billing/prices/catalog.ts";
import { type EstimateCostsInput, estimateCosts } from "@lyss/services/billing/prices/costing.ts";
import type { ChargedCall } from "@lyss/services/billing/prices/costing-store.ts";
import { type ImportPricesInput, importPrices } from "@lyss/services/billing/prices/import-prices.ts";
import type { PricePlan } from "@lyss/services/billing/prices/plan.ts";
import type { PlanStore } from "@lyss/services/billing/prices/plan-store.ts";
import {
  assignPlan,
  getPlan,
  listPlans,
  listPlanTenants,
  type PlanDeps,
  putPlan,
  unassignPlan,
} from "@lyss/services/billing/prices/plans.ts";
import { everyone, type Price, type PriceHistory } from "@lyss/services/billing/prices/price.ts";
import type { PriceStore } from "@lyss/services/billing/prices/price-store.ts";
import { outcomeOf } from "./memory-credit.ts";

const tx = "tx" as never;
const rates = (input: bigint, output?: bigint): PriceTerms => ({
  rates: { input, ...(output !== undefined && { output }) },
});
const priceOf = (model: string, terms: PriceTerms, more: Partial<Price> = {}): Price => ({
  ...{ ...everyone, priceId: `prc_${model}`, provider: "p", model, version: 1, currency: "USD", origin: "catalog" },
  ...{ terms, effectiveAt: new Date(0), createdAt: new Date(0), isInForce: true, ...more },
});

/** A price book in memory with plans, of which `general` are the prices that hold for all. */
function startBook(general: readonly Price[] = [], own: readonly Price[] = []) {
  const clock = createFakeClock();
  const plans = new Map<string, PricePlan>();
  const assigned = new Map<string, string>();
  const said: unknown[] = [];
  const asked: unknown[] = [];
  const planStore: Partial<PlanStore> = {
    findPlan: async (name) => plans.get(name),
    async putPlan(given, plan) {
      assert.equal(given, tx);
      asked.push("putPlan");
      const known = plans.get(plan.name) ?? { markupPpm: 0, version: 0, tenants: 0, createdAt: new Date(0) };
      plans.set(plan.name, { ...known, ...plan });
    },
    async insertPlanVersion(_tx, { planId, planVersionId, version, markupPpm }) {
      asked.push(["version", planVersionId.slice(0, 4), version, markupPpm]);
      for (const plan of plans.values())
        if (plan.planId === planId) plans.set(plan.name, { ...plan, version, markupPpm });
    },
    listPlans: async ({ limit, after }) =>
      [...plans.values()].filter(({ name }) => after === undefined || name > after).slice(0, limit),
    listPlanTenants: async (planId, { limit, after }) =>
      [...assigned]
        .filter(([tenantId, id]) => id === planId && (after === undefined || tenantId > after))
        .map(([tenantId]) => ({ tenantId, assignedAt: new Date(0) }))
        .slice(0, limit),
    async assignPlan(_tx, tenantId, planId) {
      const isNew = assigned.get(tenantId) !== planId;
      assigned.set(tenantId, planId);
      return isNew;
    },
    async unassignPlan(_tx, tenantId, planId) {
      return assigned.get(tenantId) === planId && assigned.delete(tenantId);
    },
  };
  const inserted: Price[] = [];
  const priceStore: Partial<PriceStore> = {
    lockPriceBook: async () => void asked.push("lock"),
    listOwned: async ({ tenantId, planId }) => {
      asked.push(["owned", tenantId, planId]);
      return [...(planId === "" ? general : own)];
    },
    async findHistories(_tx, owner, names) {
      return names.map(({ provider, model }): PriceHistory & { provider: string; model: string } => {
        const current = [...general, ...inserted].findLast(
          (one) => one.provider === provider && one.model === model && one.tenantId === owner.tenantId,
        );
        const lastByCatalog = current?.origin === "catalog" ? current : undefined;
        const history = { current, lastByProvider: undefined, lastByCatalog, sameTime: undefined };
        return { provider, model, newestVersion: current?.version ?? 0, ...history };
      });
    },
    async insertPrices(_tx, prices) {
      for (const price of prices) {
        inserted.push({ ...price, effectiveAt: new Date(0), createdAt: new Date(0), isInForce: true });
      }
    },
  };
  const append = async (_tx: unknown, { type }: { type: string }, data: unknown) => void said.push([type, data]);
  const deps = {
    ...{ db: { transaction: (work: (tx: unknown) => unknown) => work(tx) }, planStore, priceStore, clock },
    ...{ outbox: { append } as unknown as Outbox, random: createRandom(clock), currency: "USD" },
  } as unknown as PlanDeps;
  return { deps, assigned, inserted, takeAsked: () => asked.splice(0), takeSaid: () => said.splice(0) };
}

const changed = (tenantId = "") => ["billing.prices.changed", { tenantId, actorId: "" }];
const unknown = { code: "billing.plan_not_found", plan: "none" };

test("a plan is made with its first mark-up, gets a version for each other one, and a repeat writes nothing", async () => {
  const { deps, takeAsked, takeSaid } = startBook();
  const plan = { name: "gold", description: "d", markupPpm: 5 };
  const { planId, ...made } = await putPlan(deps, plan);
  assert.match(planId, /^pln_/);
  assert.deepEqual(made, { ...plan, maxCreditLimitNanos: 0n, version: 1, tenants: 0, createdAt: new Date(0) });
  assert.deepEqual([takeAsked(), takeSaid()], [["lock", "putPlan", ["version", "plv_", 1, 5]], [changed()]]);
  await putPlan(deps, plan);
  assert.deepEqual([takeAsked(), takeSaid()], [["lock"], []]);
  assert.equal((await putPlan(deps, { ...plan, description: "e" })).description, "e");
  assert.deepEqual([takeAsked(), takeSaid()], [["lock", "putPlan"], []]);
  const dearer = await putPlan(deps, { ...plan, description: "e", markupPpm: 6 });
  assert.deepEqual([dearer.planId, dearer.version, dearer.markupPpm], [planId, 2, 6]);
  assert.deepEqual([takeAsked(), takeSaid()], [["lock", "putPlan", ["version", "plv_", 2, 6]], [changed()]]);
  const lent = await putPlan(deps, { ...plan, description: "e", markupPpm: 6, maxCreditLimitNanos: 9n });
  assert.deepEqual([lent.maxCreditLimitNanos, lent.version], [9n, 2]);
  assert.deepEqual([takeAsked(), takeSaid()], [["lock", "putPlan"], []]);
});

test("plans are found by name and listed by it; so are the tenants on one", async () => {
  const { deps, assigned } = startBook();
  for (const name of ["1", "B", "c"]) await putPlan(deps, { name, description: "", markupPpm: 0 });
  assert.equal((await getPlan(deps, { name: "B" })).name, "B");
  assert.deepEqual(await outcomeOf(getPlan(deps, { name: "none" })), unknown);
  const first = await listPlans(deps, { limit: 2 });
  const second = await listPlans(deps, { limit: 2, cursor: first.nextCursor });
  assert.deepEqual(
    [first, second].map(({ rows }) => rows.map(({ name }) => name)),
    [["1", "B"], ["c"]],
  );
  const { planId } = await getPlan(deps, { name: "B" });
  for (const tenantId of ["1", "B", "c"]) assigned.set(tenantId, planId);
  const on = await listPlanTenants(deps, { name: "B", limit: 2 });
  const rest = await listPlanTenants(deps, { name: "B", limit: 2, cursor: on.nextCursor });
  assert.deepEqual(
    [on, rest].map(({ rows }) => rows.map(({ tenantId }) => tenantId)),
    [["1", "B"], ["c"]],
  );
  assert.deepEqual([second.nextCursor, rest.nextCursor], [undefined, undefined]);
});

test("a tenant is put on a plan and taken off it, and the nodes are told where that changed something", async () => {
  const { deps, assigned, takeSaid } = startBook();
  const { planId } = await putPlan(deps, { name: "gold", description: "", markupPpm: 0 });
  takeSaid();
  const gold = { name: "gold", tenantId: "ten_1" };
  for (let time = 0; time < 2; time++) await assignPlan(deps, gold);
  assert.deepEqual([assigned.get("ten_1"), takeSaid()], [planId, [changed("ten_1")]]);
  for (let time = 0; time < 2; time++) await unassignPlan(deps, gold);
  assert.deepEqual([assigned.size, takeSaid()], [0, [changed("ten_1")]]);
  assert.deepEqual(await outcomeOf(assignPlan(deps, { ...gold, name: "none" })), unknown);
  assert.deepEqual(await outcomeOf(unassignPlan(deps, { ...gold, name: "none" })), unknown);
});

const callOf = (model: string, chargedNanos: bigint): ChargedCall => ({
  ...{ provider: "p", model, chargedNanos, inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n },
  ...{ startedAtMs: 0, serviceMode: undefined },
});
const perToken = (nanos: bigint) => rates(nanos * 1_000_000n);

function startCosting(general: readonly Price[], own: readonly Price[] = []) {
  const book = startBook(general, own);
  const streamed: unknown[] = [];
  const costingStore = {
    async *streamCalls({ tenantId, fromMs, toMs }: EstimateCostsInput) {
      streamed.push([tenantId, fromMs, toMs]);
      yield [callOf("a", 10n), callOf("b", 10n)];
      yield [callOf("a", 30n)];
    },
  };
  const deps = { ...book.deps, costingStore } as unknown as Parameters<typeof estimateCosts>[0];
  const asked = { tenantId: "ten_1", fromMs: 5, toMs: 9, prices: [], plan: undefined, markupPpm: undefined };
  return {
    ...{ ...book, streamed },
    estimate: (more: Partial<EstimateCostsInput> = {}, signal?: AbortSignal) =>
      outcomeOf(estimateCosts(deps, { ...asked, ...more }, signal)),
  };
}
const proposedOf = (estimates: unknown) =>
  (estimates as { model: string; proposedNanos: bigint }[]).map(({ model, proposedNanos }) => [model, proposedNanos]);

test("recorded calls are charged anew at prices to be tried, and those of which nothing is proposed stay as they were", async () => {
  const { estimate, streamed, takeAsked } = startCosting([priceOf("b", perToken(9n))]);
  const estimates = await estimate({ prices: [{ provider: "p", model: "a", terms: perToken(3n) }] });
  assert.deepEqual(proposedOf(estimates), [
    ["a", 60n],
    ["b", 10n],
  ]);
  assert.deepEqual([streamed, takeAsked()], [[["ten_1", 5, 9]], []], "without a mark-up general prices are not tried");
});

test("a mark-up is tried on the prices that hold for all, and a plan brings its own mark-up and its own prices", async () => {
  const general = [priceOf("a", perToken(1n)), priceOf("b", perToken(1n))];
  const plain = startCosting(general);
  assert.deepEqual(proposedOf(await plain.estimate({ markupPpm: 500_000 })), [
    ["a", 30n],
    ["b", 15n],
  ]);
  assert.deepEqual(plain.takeAsked(), [["owned", "", ""]]);
  const { estimate, deps, takeAsked } = startCosting(general, [priceOf("b", perToken(7n), { planId: "pln_1" })]);
  const { planId } = await putPlan(deps, { name: "gold", description: "", markupPpm: 1_000_000 });
  takeAsked();
  assert.deepEqual(proposedOf(await estimate({ plan: "gold" })), [
    ["a", 40n],
    ["b", 70n],
  ]);
  assert.deepEqual(takeAsked(), [
    ["owned", "", ""],
    ["owned", "", planId],
  ]);
  assert.deepEqual(proposedOf(await estimate({ plan: "gold", markupPpm: 0 })), [
    ["a", 20n],
    ["b", 70n],
  ]);
  assert.deepEqual(await estimate({ plan: "none" }), unknown);
});

test("costs are estimated over at most 93 days that are not empty, and no further than until it is given up", async () => {
  const { estimate } = startCosting([]);
  const invalid = (reason: string, reason_zh_CN: string) => ({
    ...{ code: "kit.invalid_request", field: "from", reason, reason_zh_CN },
  });
  for (const toMs of [5, 4]) {
    assert.deepEqual(await estimate({ toMs }), invalid("must lie before 'to'", "必须早于 to"));
  }
  const most = 93 * 86_400_000;
  const nowMs = Date.UTC(2026, 2, 10);
  assert.equal(((await estimate({ fromMs: nowMs, toMs: nowMs + most })) as readonly unknown[]).length, 2);
  assert.equal(((await estimate({ fromMs: 0, toMs: most })) as readonly unknown[]).length, 2);
  assert.deepEqual(
    await estimate({ fromMs: 0, toMs: most + 1 }),
    invalid("must be at most 93 days before 'to'", "与 to 的间隔不得超过 93 天"),
  );
  const aborted = new AbortController();
  aborted.abort(new Error("enough"));
  await assert.rejects(estimate({}, aborted.signal), /enough/);
});

const catalog = createPriceCatalog({
  ...{ source: "s", license: "MIT", pricesOf: "2026-11-01" },
  providers: [
    {
      ...{ name: "p", hosts: ["api.p.com"] },
      models: [
        { names: ["new", "up"], terms: { rates: { input: "1", output: "2" } } },
        { names: ["same"], terms: { rates: { input: "1", output: "2" } } },
        { names: ["changed"], terms: { rates: { input: "1", output: "2" } } },
        { names: ["kept"], terms: { rates: { input: "1", output: "2" } } },
      ],
    },
  ],
});
const standing = [
  priceOf("same", rates(1n, 2n)),
  priceOf("changed", rates(5n, 2n)),
  priceOf("kept", rates(1n, 1n), { origin: "operator" }),
  priceOf("missing", rates(1n, 1n)),
];

function startImport(general: readonly Price[] = standing) {
  const book = startBook(general);
  return {
    ...book,
    run: (more: Partial<ImportPricesInput> = {}) =>
      importPrices({ ...book.deps, catalog }, { tenantId: "", isDryRun: false, ...more }),
  };
}
const wish = (model: string, more: object = {}) => ({ provider: "p", model, ...more });

test("what the catalog says of each model is told beside what stands, and what is new or changed is put", async () => {
  const { run, inserted, takeSaid } = startImport();
  const wishes = ["new", "same", "changed", "kept", "missing"].map((model) => wish(model));
  const lines = await run({ wishes });
  assert.deepEqual(
    lines.map(({ model, state, direction, current, proposed }) => [
      ...[model, state, direction, current?.priceId],
      proposed?.rates.output,
    ]),
    [
      ["new", "new", undefined, undefined, 2n],
      ["same", "same", "equal", "prc_same", 2n],
      ["changed", "changed", "lower", "prc_changed", 2n],
      ["kept", "kept", "higher", "prc_kept", 2n],
      ["missing", "missing", undefined, "prc_missing", undefined],
    ],
  );
  assert.deepEqual(
    inserted.map(({ model, origin, version, terms }) => [model, origin, version, terms]),
    [
      ["new", "catalog", 1, rates(1n, 2n)],
      ["changed", "catalog", 2, rates(1n, 2n)],
    ],
  );
  assert.deepEqual(takeSaid(), [changed()]);
  assert.deepEqual(
    (await run({ wishes })).map(({ state }) => state),
    ["same", "same", "same", "kept", "missing"],
  );
  assert.equal(inserted.length, 2);
});

test("a dry run puts nothing; where nothing is new no transaction writes", async () => {
  const { run, inserted, takeSaid, takeAsked } = startImport();
  assert.equal((await run({ wishes: [wish("new")], isDryRun: true }))[0]?.state, "new");
  await run({ wishes: [wish("same"), wish("kept"), wish("missing")] });
  assert.deepEqual([inserted, takeSaid(), takeAsked()], [[], [], []]);
});

test("without wishes the prices that hold for all are looked for, of one provider or of all", async () => {
  const general = [...standing, priceOf("new", rates(9n), { provider: "q" })];
  const { run, takeAsked } = startImport(general);
  const all = await run({ isDryRun: true });
  assert.deepEqual(
    all.map(({ provider, model }) => `${provider} ${model}`),
    ["p same", "p changed", "p kept", "p missing", "q new"],
  );
  assert.deepEqual(takeAsked(), [["owned", "", ""]]);
  assert.deepEqual(
    (await run({ isDryRun: true, provider: "q" })).map(({ model }) => model),
    ["new"],
  );
});

test("a provider is the catalog's at the same address, whatever it is called here, and a model what the provider calls it", async () => {
  const { run } = startImport([]);
  const stateOf = async (one: Parameters<typeof wish>[1] & object) =>
    (await run({ wishes: [{ provider: "mine", model: "m", ...one }], isDryRun: true }))[0]?.state;
  assert.equal(await stateOf({ baseUrl: "https://api.p.com/v1", upstreamName: "up" }), "new");
  assert.equal(await stateOf({ baseUrl: "https://api.p.com/v1", model: "new" }), "new");
  assert.equal(await stateOf({ baseUrl: "https://elsewhere.com", provider: "p", model: "new" }), "missing");
  assert.equal(await stateOf({ model: "new" }), "missing");
});

test("prices of a tenant's own are compared and put as its own", async () => {
  const { run, inserted, takeSaid } = startImport();
  const [line] = await run({ tenantId: "ten_1", wishes: [wish("same")] });
  assert.deepEqual([line?.state, inserted[0]?.tenantId, takeSaid()], ["new", "ten_1", [changed("ten_1")]]);
});

test("a change is told as lower, higher, equal, or mixed, by the usual input and output", async () => {
  const directionOf = async (input: bigint | undefined, output: bigint | undefined) => {
    const terms = { rates: { ...(input !== undefined && { input }), ...(output !== undefined && { output }) } };
    const { run } = startImport([priceOf("changed", terms)]);
    return (await run({ wishes: [wish("changed")], isDryRun: true }))[0]?.direction;
  };
  assert.deepEqual(
    [await directionOf(2n, 3n), await directionOf(2n, 2n), await directionOf(1n, 3n)],
    ["lower", "lower", "lower"],
  );
  assert.deepEqual(
    [await directionOf(0n, 1n), await directionOf(1n, 1n), await directionOf(undefined, undefined)],
    ["higher", "higher", "higher"],
  );
  assert.deepEqual(
    [await directionOf(0n, 3n), await directionOf(2n, 1n), await directionOf(1n, 2n)],
    [...["mixed", "mixed", "equal"]],
  );
});
