import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { changeMoney, moneyGrant } from "../lease-test-changes.ts";
import type { ReserveRequest, SettleRequest } from "../ledger-requests.ts";
import { billing } from "../service.ts";

let lastId = 0;
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 2_000_000n };
const defaultUserQuota = [
  { unit: "calls", limit: "3", period: "month" },
  { unit: "money", limit: "0.000001", period: "total" },
];
const service = await startTestService({ after }, billing, {
  clients: {},
  config: { billing: { reserveWaitMs: 20_000, lowBalance: "0", defaultUserQuota } },
});
const { ops, sql } = service;
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });

async function createTenant(): Promise<string> {
  const tenantId = `ten_${++lastId}`;
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000_000n, reference: "start", source: "grant" });
  return tenantId;
}

function callOf(tenantId: string, userId: string): ReserveRequest {
  const names = { callId: `call_${++lastId}`, tenantId, requestId: "req_1", keyId: "key_1", userId };
  const bounds = { inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n };
  return { ...names, provider: "p", model: "m", ...bounds };
}

function endOf({ callId, tenantId }: ReserveRequest, more: Partial<SettleRequest> = {}): SettleRequest {
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 45n };
  return { callId, tenantId, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 5n, ...more };
}

test("a call waits for what others hold of a budget, and goes on when it comes back; nodes keep their leases meanwhile", async () => {
  const tenantId = await createTenant();
  const limit = { unit: "calls", limit: 1n, period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [] } as const;
  await ops.setBudget({ tenantId, scopeKind: "key", scopeId: "key_1", limit });
  const [first, second] = [callOf(tenantId, ""), callOf(tenantId, "")];
  await ops.reserveCall(first);
  const waiting = ops.reserveCall(second);
  const lease = { leaseId: "lse_1", nodeId: "node_1", tenantId };
  assert.equal(await changeMoney(ops, moneyGrant(lease, { wantNanos: 100n })), 100n);
  const none = { inputTokens: 0n, outputTokens: 0n, outcome: "failed" } as const;
  await ops.settleCall(endOf(first, none));
  assert.equal((await waiting).callId, second.callId);
  const events = await service.listEvents();
  assert.ok(!events.some(({ type }) => type === "billing.money.recalled" || type === "billing.quota.exceeded"));
});

test("a call that waits goes on at once when its budget is raised or lifted", async () => {
  const tenantId = await createTenant();
  const limit = { unit: "calls", limit: 1n, period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [] } as const;
  const scope = { tenantId, scopeKind: "key", scopeId: "key_1" } as const;
  const { budgetId } = await ops.setBudget({ ...scope, limit });
  await ops.reserveCall(callOf(tenantId, ""));
  const second = ops.reserveCall(callOf(tenantId, ""));
  const third = ops.reserveCall(callOf(tenantId, ""));
  await ops.setBudget({ ...scope, limit: { ...limit, limit: 2n } });
  await Promise.race([second, third]);
  await ops.deleteBudget({ tenantId, budgetId });
  await Promise.all([second, third]);
});

test("200 calls may wait for a budget, further ones are refused at once, and calls of others pass them by", async () => {
  const tenantId = await createTenant();
  const limit = { unit: "calls", limit: 1n, period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [] } as const;
  const scope = { tenantId, scopeKind: "key", scopeId: "key_1" } as const;
  await ops.setBudget({ ...scope, limit });
  const first = callOf(tenantId, "");
  await ops.reserveCall(first);
  let [held, refused] = [0, 0];
  const waiting = Array.from({ length: 250 }, () =>
    ops.reserveCall(callOf(tenantId, "")).then(
      () => held++,
      () => refused++,
    ),
  );
  while (refused < 50) await new Promise((resolve) => setImmediate(resolve));
  await ops.reserveCall({ ...callOf(tenantId, ""), keyId: "key_2" });
  assert.deepEqual([held, refused], [0, 50]);
  // What comes back goes to one of them.
  await ops.settleCall(endOf(first, { inputTokens: 0n, outputTokens: 0n, outcome: "failed" }));
  while (held < 1) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([held, refused], [1, 50]);
  await ops.setBudget({ ...scope, limit: { ...limit, limit: 500n } });
  await Promise.all(waiting);
  assert.deepEqual([held, refused], [200, 50]);
});

test("the first calls of somebody unknown, all at once, meet the default quota like all later ones", async () => {
  const tenantId = await createTenant();
  const calls = Array.from({ length: 50 }, () => callOf(tenantId, "usr_new"));
  const running = calls.map(async (call) => {
    await ops.reserveCall(call);
    await ops.settleCall(endOf(call));
  });
  const results = await Promise.allSettled(running);
  const refusals = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  assert.equal(refusals.length, 47);
  assert.ok(refusals.every((err) => isFailure(err, billingFailures.quota_exceeded)));
  const { budgets } = await ops.getUserQuota({ tenantId, userId: "usr_new" });
  assert.deepEqual(
    budgets.map(({ unit, used, reserved }) => [unit, used, reserved]),
    [
      ["calls", 3n, 0n],
      ["money", 300n, 0n],
    ],
  );
});

test("the default is no quota of somebody whose quota was set, and is again when it is reset", async () => {
  const tenantId = await createTenant();
  const user = { tenantId, userId: "usr_set" };
  const shown = await ops.getUserQuota(user);
  assert.deepEqual(
    shown.budgets.map(({ unit, limit }) => [unit, limit]),
    [
      ["calls", 3n],
      ["money", 1_000n],
    ],
  );
  assert.deepEqual([...(await ops.checkBudgets({ ...user, keyId: "" }))], ["user"]);
  await ops.setUserQuota({ ...user, limits: [] });
  for (let i = 0; i < 5; i++) await ops.reserveCall(callOf(tenantId, user.userId));
  assert.deepEqual((await ops.getUserQuota(user)).budgets, []);
  await ops.resetUserQuota(user);
  for (let i = 0; i < 3; i++) await ops.settleCall(endOf(await reserved(tenantId, user.userId)));
  const limits = [
    { unit: "calls", limit: 4n, period: "month", timeZone: "UTC", resetDay: 1, alertPercents: [] },
  ] as const;
  const { budgets } = await ops.setUserQuota({ ...user, limits });
  // Of the same unit and period: what is used stays used.
  assert.deepEqual(
    budgets.map(({ unit, limit, used }) => [unit, limit, used]),
    [["calls", 4n, 3n]],
  );
  await ops.settleCall(endOf(await reserved(tenantId, user.userId)));
  await assert.rejects(ops.reserveCall(callOf(tenantId, user.userId)), (err) =>
    isFailure(err, billingFailures.quota_exceeded),
  );
  await assertIntegrity(ops);
});

async function reserved(tenantId: string, userId: string): Promise<ReserveRequest> {
  const call = callOf(tenantId, userId);
  await ops.reserveCall(call);
  return call;
}

test("a tenant that does not exist gets neither quota nor budget", async () => {
  await assert.rejects(ops.reserveCall(callOf("ten_none", "usr_1")), (err) =>
    isFailure(err, billingFailures.wallet_not_found),
  );
  const limit = { unit: "calls", limit: 1n, period: "day", timeZone: "UTC", resetDay: 1, alertPercents: [] } as const;
  const setting = ops.setBudget({ tenantId: "ten_none", scopeKind: "tenant", scopeId: "ten_none", limit });
  await assert.rejects(setting, (err) => isFailure(err, billingFailures.wallet_not_found));
  const [rows] = await sql`
    select (select count(*) from budget where tenant_id = 'ten_none')::int as budgets,
      (select count(*) from user_quota where tenant_id = 'ten_none')::int as quotas`;
  assert.deepEqual({ ...rows }, { budgets: 0, quotas: 0 });
});
