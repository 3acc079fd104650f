import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ofMoney } from "@lyss/contracts/budgets/amounts.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import type { Fact } from "../fact.ts";
import type { LeaseGrant } from "../lease.ts";
import { billing } from "../service.ts";
import type { BudgetLimit, ScopeKind } from "./model.ts";

let lastId = 0;
const nextId = (kind: string) => `${kind}_${++lastId}`;
/** A call of 10 and 45 tokens costs 100 nanos. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 500_000n,
  outputNanosPerMillion: 2_000_000n,
};
const service = await startTestService({ after }, billing, { clients: {} });
const { ops } = service;
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });

function limitOf(unit: BudgetLimit["unit"], limit: bigint): BudgetLimit {
  return { unit, limit, period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [] };
}

function cap(tenantId: string, scopeKind: ScopeKind, scopeId: string, limit: BudgetLimit) {
  return ops.setBudget({ tenantId, scopeKind, scopeId, limit });
}

/** Used and reserved, by scope and unit. */
async function budgetsOf(tenantId: string) {
  const { rows } = await ops.listBudgets({ tenantId, limit: 10 });
  return Object.fromEntries(rows.map(({ scopeId, unit, used, reserved }) => [`${scopeId} ${unit}`, [used, reserved]]));
}

/** A tenant whose calls must fit into a budget of money, one of tokens and one of calls; gives a lease of such calls. */
async function startLeased(calls: bigint) {
  const tenantId = nextId("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000_000n, reference: "start", source: "grant" });
  await cap(tenantId, "tenant", tenantId, limitOf("money", 8_000n));
  await cap(tenantId, "user", "usr_1", limitOf("tokens", 4_000n));
  await cap(tenantId, "key", "key_1", limitOf("calls", calls));
  const names = { leaseId: nextId("lse"), nodeId: "node_1", tenantId };
  const grant = (changeNumber: number, more: Partial<LeaseGrant> = {}): LeaseGrant => ({
    ...{ kind: "grant", ...names, userId: "usr_1", keyId: "key_1", changeNumber },
    ...{ want: { money: 500n, tokens: 300n, calls: 3n }, least: { money: 100n, tokens: 55n, calls: 1n }, ...more },
  });
  const fact = (callId: string): Fact => ({
    ...{ callId, attempt: 1, leaseId: names.leaseId, requestId: "r", tenantId, keyId: "key_1", userId: "usr_1" },
    ...{ provider: "p", model: "m", priceId: price?.priceId ?? "", outcome: "completed", isEstimated: false },
    ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 45n, latencyMs: 5n, startedAtMs: BigInt(Date.now()) },
  });
  return { tenantId, names, grant, fact };
}

test("a lease for calls under budgets holds a share of each; what it pays is charged out of them, and they come back with it", async () => {
  const { tenantId, names, grant, fact } = await startLeased(80n);
  const { amounts, budgets } = await ops.changeLease(grant(1));
  assert.deepEqual([amounts, budgets.length], [{ money: 500n, tokens: 300n, calls: 3n }, 3]);
  assert.deepEqual((await ops.changeLease(grant(1))).amounts, amounts, "a repeat");
  const state = () => budgetsOf(tenantId);
  const levels = (money: bigint[], tokens: bigint[], calls: bigint[]) => ({
    ...{ [`${tenantId} money`]: money, "usr_1 tokens": tokens, "key_1 calls": calls },
  });
  assert.deepEqual(await state(), levels([0n, 500n], [0n, 300n], [0n, 3n]));
  const paid = fact(nextId("call"));
  await Promise.all([ops.postFacts({ facts: [paid] }), ops.postFacts({ facts: [paid] })]);
  assert.deepEqual(await state(), levels([100n, 400n], [55n, 245n], [1n, 2n]));
  const back = { kind: "return", ...names, changeNumber: 2, amounts: { money: 50n, tokens: 45n, calls: 1n } } as const;
  await ops.changeLease(back);
  await ops.changeLease(back);
  assert.deepEqual(await state(), levels([100n, 350n], [55n, 200n], [1n, 1n]));
  await assertIntegrity(ops);
  assert.equal(await ops.closeLeases({ nodeId: names.nodeId, leaseIds: [names.leaseId] }), 350n);
  assert.deepEqual(await state(), levels([100n, 0n], [55n, 0n], [1n, 0n]));
  await ops.postFacts({ facts: [fact(nextId("call"))] });
  assert.deepEqual(await state(), levels([200n, 0n], [110n, 0n], [2n, 0n]), "a late fact counts, too");
  await assertIntegrity(ops);
});

test("what runs low alone is granted alone", async () => {
  const { tenantId, grant } = await startLeased(80n);
  await ops.changeLease(grant(1));
  const calls = { money: 0n, tokens: 0n, calls: 2n };
  assert.deepEqual((await ops.changeLease(grant(2, { want: calls, least: ofMoney(0n) }))).amounts, calls);
  assert.deepEqual((await budgetsOf(tenantId))["key_1 calls"], [0n, 5n]);
  await assertIntegrity(ops);
});

test("a lease gets nothing where a share of one budget is of no use, or when its calls have got another budget", async () => {
  const { tenantId, grant } = await startLeased(7n);
  const nothing = { money: 0n, tokens: 0n, calls: 0n };
  assert.deepEqual((await ops.changeLease(grant(1))).amounts, nothing, "an eighth of seven calls");
  assert.deepEqual(await budgetsOf(tenantId), {
    ...{ [`${tenantId} money`]: [0n, 0n], "usr_1 tokens": [0n, 0n], "key_1 calls": [0n, 0n] },
  });
  const { leaseId } = grant(1, { leaseId: nextId("lse") });
  await cap(tenantId, "key", "key_1", limitOf("calls", 80n));
  assert.equal((await ops.changeLease(grant(1, { leaseId }))).amounts.calls, 3n);
  await cap(tenantId, "user", "usr_1", limitOf("calls", 80n));
  assert.deepEqual((await ops.changeLease(grant(2, { leaseId }))).amounts, nothing);
  assert.equal((await ops.changeLease(grant(1, { leaseId: nextId("lse") }))).amounts.calls, 3n);
});

test("a call that finds a budget in leases waits; the nodes are told which, none of it is lent meanwhile, and it goes on when it is back", async () => {
  const { tenantId, names, grant } = await startLeased(8n);
  const { amounts } = await ops.changeLease(grant(1));
  assert.equal(amounts.calls, 1n);
  const reserve = () =>
    ops.reserveCall({
      ...{
        callId: nextId("call"),
        tenantId,
        requestId: "r",
        keyId: "key_1",
        userId: "usr_1",
        provider: "p",
        model: "m",
      },
      ...{ inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n },
    });
  for (let i = 0; i < 7; i++) await reserve();
  const waiting = reserve();
  const recalled = async () => (await service.listEvents()).find(({ type }) => type === "billing.money.recalled")?.data;
  while (!(await recalled())) await new Promise((resolve) => setImmediate(resolve));
  const [budget] = (await ops.listBudgets({ tenantId, limit: 10 })).rows.filter(({ unit }) => unit === "calls");
  assert.equal((await recalled())?.["budgetId"], budget?.budgetId);
  const more = grant(1, { leaseId: nextId("lse"), want: { money: 1n, tokens: 1n, calls: 0n }, least: ofMoney(0n) });
  assert.deepEqual((await ops.changeLease(more)).amounts, ofMoney(0n));
  await ops.changeLease({ kind: "return", ...names, changeNumber: 2, amounts });
  assert.ok(await waiting);
  await assertIntegrity(ops);
});
