import assert from "node:assert/strict";
import { after, test } from "node:test";
import { groupMemberAdded, groupMemberRemoved } from "@lyss/contracts/events/group.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { type Failure, type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { moneyGrant } from "../lease-test-changes.ts";
import type { ReserveRequest, SettleRequest } from "../ledger-requests.ts";
import { noTokens } from "../model.ts";
import { billing } from "../service.ts";
import type { BudgetLimit, ScopeKind } from "./model.ts";

let lastId = 0;
const nextId = (prefix: string) => `${prefix}_${++lastId}`;
/** One nano per input token, two per output token: a call of these tests is bound by 100 nanos and 55 tokens. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 500_000n,
  outputNanosPerMillion: 2_000_000n,
};
const service = await startTestService({ after }, billing, {
  clients: {},
  config: { billing: { reserveWaitMs: 0, lowBalance: "0" } },
});
const { ops, sql } = service;
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
await service.hear();

async function createTenant(balanceNanos = 1_000_000_000n): Promise<string> {
  const tenantId = nextId("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "grant" });
  return tenantId;
}

function limitOf(unit: BudgetLimit["unit"], limit: bigint, more: Partial<BudgetLimit> = {}): BudgetLimit {
  return { unit, limit, period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [], ...more };
}

function cap(tenantId: string, scopeKind: ScopeKind, scopeId: string, limit: BudgetLimit) {
  return ops.setBudget({ tenantId, scopeKind, scopeId, limit });
}

async function join(tenantId: string, groupId: string, ...userIds: readonly string[]): Promise<void> {
  for (const userId of userIds) await service.say(groupMemberAdded, { tenantId, groupId, userId, role: "member" });
  await service.untilHeard();
}

function callOf(tenantId: string, more: Partial<ReserveRequest> = {}): ReserveRequest {
  const names = { callId: nextId("call"), tenantId, requestId: "req_1", keyId: "key_1", userId: "usr_1" };
  const bounds = { inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n };
  return { ...names, provider: "p", model: "m", ...bounds, ...more };
}

/** The end of a call that cost `10 + 2 × outputTokens` nanos. */
function endOf(
  { callId, tenantId }: ReserveRequest,
  outputTokens = 45n,
  more: Partial<SettleRequest> = {},
): SettleRequest {
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens };
  return { callId, tenantId, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 5n, ...more };
}

const failed = { ...noTokens, outcome: "failed" } as const;

async function budgetsOf(tenantId: string): Promise<Record<string, readonly [used: bigint, reserved: bigint]>> {
  const { rows } = await ops.listBudgets({ tenantId, limit: 200 });
  return Object.fromEntries(rows.map((row) => [`${row.scopeId} ${row.unit}`, [row.used, row.reserved]]));
}

function refusedBy(type: FailureType, source: string) {
  return (err: unknown) => isFailure(err, type) && err.details["limit_source"] === source;
}

async function saidOf(tenantId: string, type: string) {
  const events = await service.listEvents();
  return events.filter((event) => {
    const budget = event.data["budget"] as { readonly tenantId?: string } | undefined;
    return event.type === type && (budget?.tenantId ?? event.data["tenantId"]) === tenantId;
  });
}

test("B2: of 1,000 concurrent calls under caps of tenant, group, user and key exactly those pass that fit the narrowest", async () => {
  const tenantId = await createTenant();
  await join(tenantId, "grp_1", "usr_1");
  const levels = [
    ["tenant", tenantId, 40_000n, "money"],
    ["group", "grp_1", 300n * 55n, "tokens"],
    ["user", "usr_1", 200n, "calls"],
    ["key", "key_1", 10_000n, "money"],
  ] as const;
  for (const [kind, id, limit, unit] of levels) await cap(tenantId, kind, id, limitOf(unit, limit));
  const counts: number[] = [];
  // Each time the narrowest cap is lifted, and the next one stands in its place.
  for (const [kind, id, , unit] of levels.toReversed()) {
    const calls = Array.from({ length: 1_000 }, () => callOf(tenantId));
    const results = await Promise.allSettled(calls.map((call) => ops.reserveCall(call)));
    const refusals = results.filter((result) => result.status === "rejected").map(({ reason }) => reason as Failure);
    const type = unit === "money" ? billingFailures.budget_exceeded : billingFailures.quota_exceeded;
    assert.ok(refusals.every(refusedBy(type, kind)), kind);
    counts.push(1_000 - refusals.length);
    await assertIntegrity(ops);
    await Promise.all(
      calls.flatMap((call, i) =>
        results[i]?.status === "fulfilled" ? [ops.settleCall(endOf(call, 45n, failed))] : [],
      ),
    );
    const [own] = (await ops.listBudgets({ tenantId, limit: 1, scopeKind: kind, scopeIds: [id] })).rows;
    await ops.deleteBudget({ tenantId, budgetId: own?.budgetId ?? "" });
  }
  assert.deepEqual(counts, [100, 200, 300, 400]);
  const [holds] =
    await sql`select count(*)::int as count from budget_hold join hold on call_id = holder_id where tenant_id = ${tenantId}`;
  assert.equal(holds?.["count"], 0);
});

test("B2: 1,000 mixed calls of six people in two groups overshoot no cap at any time, and leave nothing held on any level", async () => {
  const seed = 20_261_125;
  const { between } = createSeeded(seed);
  const tenantId = await createTenant(55_000n);
  const users = Array.from({ length: 6 }, (_, i) => `usr_${i}`);
  await join(tenantId, "grp_a", ...users.slice(0, 4));
  await join(tenantId, "grp_b", ...users.slice(2));
  await cap(tenantId, "tenant", tenantId, limitOf("tokens", 30_000n));
  await cap(tenantId, "group", "grp_a", limitOf("money", 25_000n));
  await cap(tenantId, "group", "grp_b", limitOf("calls", 350n));
  for (const userId of users.slice(1)) await cap(tenantId, "user", userId, limitOf("money", 9_000n));
  await cap(tenantId, "user", "usr_5", limitOf("tokens", 3_000n));
  await cap(tenantId, "key", "key_0", limitOf("calls", 60n));

  let isRunning = true;
  const watching = (async () => {
    let looks = 0;
    while (isRunning) {
      const over = await sql`
        select budget_id from budget where tenant_id = ${tenantId} and used_amount + reserved_amount > limit_amount`;
      assert.equal(over.length, 0, `seed ${seed}`);
      looks++;
    }
    return looks;
  })();
  const ends: Promise<unknown>[] = [];
  let refused = 0;
  await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const userId = users[between(0, 5)] ?? "usr_0";
      const call = callOf(tenantId, {
        userId,
        keyId: `key_${between(0, 9)}`,
        maxOutputTokens: BigInt(between(45, 60)),
      });
      const [kind, outputTokens] = [between(0, 9), BigInt(between(0, 45))];
      try {
        await ops.reserveCall(call);
      } catch (err) {
        assert.ok(isFailure(err), String(err));
        refused++;
        return;
      }
      if (kind === 0) return;
      const end = kind === 1 ? endOf(call, 0n, failed) : endOf(call, outputTokens);
      ends.push(ops.settleCall(end), ops.settleCall(end));
    }),
  );
  await Promise.all(ends);
  await sql`update hold set expires_at = now() - interval '1 second' where tenant_id = ${tenantId}`;
  await ops.expireHolds();
  isRunning = false;
  assert.ok((await watching) > 0 && refused > 100 && refused < 900, `seed ${seed}: ${refused}`);

  await assertIntegrity(ops);
  const [left] = await sql`
    select (select count(*) from budget_hold join budget using (budget_id) where tenant_id = ${tenantId})::int as holds,
      (select sum(reserved_amount) from budget where tenant_id = ${tenantId})::int as reserved`;
  assert.deepEqual({ ...left }, { holds: 0, reserved: 0 });
  // What is used is what the calls on record add up to, level by level.
  const wrong = await sql`
    select scope_kind, scope_id, unit, used_amount, recorded from budget cross join lateral (
      select coalesce(sum(case unit when 'money' then cost_nanos when 'tokens' then input_tokens + cached_input_tokens + output_tokens
        else (outcome = 'completed')::int end), 0) as recorded
      from usage where usage.tenant_id = budget.tenant_id and case scope_kind when 'tenant' then true
        when 'user' then user_id = scope_id when 'key' then key_id = scope_id
        else user_id in (select user_id from budget_member where tenant_id = ${tenantId} and group_id = scope_id) end
    ) as sums where tenant_id = ${tenantId} and used_amount <> recorded`;
  assert.deepEqual([...wrong], [], `seed ${seed}`);
});

test("a call is refused on every level or held on every level: what fails in the middle leaves nothing behind", async () => {
  const tenantId = await createTenant();
  await cap(tenantId, "tenant", tenantId, limitOf("money", 1_000n));
  await cap(tenantId, "user", "usr_1", limitOf("tokens", 54n));
  const call = callOf(tenantId);
  await assert.rejects(ops.reserveCall(call), refusedBy(billingFailures.quota_exceeded, "user"));
  assert.deepEqual(await budgetsOf(tenantId), { [`${tenantId} money`]: [0n, 0n], "usr_1 tokens": [0n, 0n] });
  const [found] = await sql`select count(*)::int as count from hold where call_id = ${call.callId}`;
  assert.equal(found?.["count"], 0);
  const wallet = await ops.getBalance({ tenantId });
  assert.equal(wallet.heldNanos, 0n);
});

test("reserving or settling twice takes a budget once; what was not used comes back", async () => {
  const tenantId = await createTenant();
  for (const unit of ["money", "tokens", "calls"] as const) await cap(tenantId, "key", "key_1", limitOf(unit, 1_000n));
  const call = callOf(tenantId);
  await Promise.all([ops.reserveCall(call), ops.reserveCall(call), ops.reserveCall(call)]);
  assert.deepEqual(await budgetsOf(tenantId), {
    ...{ "key_1 money": [0n, 100n], "key_1 tokens": [0n, 55n], "key_1 calls": [0n, 1n] },
  });
  await Promise.all([ops.settleCall(endOf(call, 5n)), ops.settleCall(endOf(call, 5n))]);
  assert.deepEqual(await budgetsOf(tenantId), {
    ...{ "key_1 money": [20n, 0n], "key_1 tokens": [15n, 0n], "key_1 calls": [1n, 0n] },
  });
  await assertIntegrity(ops);
});

test("what a provider reports beyond the bound is not taken from a budget of money that is used up", async () => {
  const tenantId = await createTenant();
  await cap(tenantId, "user", "usr_1", limitOf("money", 150n));
  const call = callOf(tenantId);
  await ops.reserveCall(call);
  const usage = await ops.settleCall(endOf(call, 500n));
  assert.deepEqual([usage.costNanos, usage.uncollectedNanos], [150n, 860n]);
  assert.deepEqual(await budgetsOf(tenantId), { "usr_1 money": [150n, 0n] });
});

test("a call counts in the period in which it was admitted, and the next period begins with nothing", async () => {
  const tenantId = await createTenant();
  const { budgetId } = await cap(tenantId, "user", "usr_1", limitOf("calls", 2n, { period: "day" }));
  const [first, second] = [callOf(tenantId), callOf(tenantId)];
  await ops.reserveCall(first);
  await ops.settleCall(endOf(first));
  await ops.reserveCall(second);
  await assert.rejects(ops.reserveCall(callOf(tenantId)), (err) => {
    assert.ok(refusedBy(billingFailures.quota_exceeded, "user")(err) && isFailure(err));
    assert.equal(err.retryAfterMs, 1_000);
    return true;
  });
  await sql`
    update budget set window_starts_at = window_starts_at - interval '1 day', window_ends_at = window_ends_at - interval '1 day'
    where budget_id = ${budgetId}`;
  await sql`
    update budget_hold set window_starts_at = window_starts_at - interval '1 day' where budget_id = ${budgetId}`;
  assert.deepEqual(await budgetsOf(tenantId), { "usr_1 calls": [0n, 0n] });
  await ops.settleCall(endOf(second));
  for (const call of [callOf(tenantId), callOf(tenantId)]) {
    await ops.reserveCall(call);
    await ops.settleCall(endOf(call));
  }
  await assert.rejects(ops.reserveCall(callOf(tenantId)), (err) => {
    assert.ok(isFailure(err, billingFailures.quota_exceeded));
    assert.ok(err.retryAfterMs !== undefined && err.retryAfterMs > 0 && err.retryAfterMs <= 86_400_000);
    return true;
  });
  assert.deepEqual(await budgetsOf(tenantId), { "usr_1 calls": [2n, 0n] });
  await assertIntegrity(ops);
});

test("a tenant without budgets is asked for none: its calls never fail for one", async () => {
  const [capped, free] = [await createTenant(), await createTenant()];
  await cap(capped, "tenant", capped, limitOf("calls", 0n));
  await assert.rejects(ops.reserveCall(callOf(capped)), refusedBy(billingFailures.quota_exceeded, "tenant"));
  const calls = [callOf(free), callOf(free, { userId: "", keyId: "" })];
  for (const call of calls) {
    await ops.reserveCall(call);
    await ops.settleCall(endOf(call));
  }
  assert.deepEqual(await budgetsOf(free), {});
});

test("what was paid from a lease counts on every level when it is posted, and once", async () => {
  const tenantId = await createTenant();
  await join(tenantId, "grp_l", "usr_1");
  const lease = { leaseId: nextId("lse"), nodeId: "node_1", tenantId };
  await ops.changeLease(moneyGrant(lease, { wantNanos: 1_000n }));
  await cap(tenantId, "group", "grp_l", limitOf("money", 250n, { period: "month" }));
  await cap(tenantId, "user", "usr_1", limitOf("calls", 9n));
  const factOf = (startedAtMs: number) => ({
    ...{ callId: nextId("call"), attempt: 1, leaseId: lease.leaseId, requestId: "r", tenantId, keyId: "key_1" },
    ...{ userId: "usr_1", provider: "p", model: "m", priceId: price?.priceId ?? "", outcome: "completed" as const },
    ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 45n, isEstimated: false, latencyMs: 5n },
    startedAtMs: BigInt(startedAtMs),
  });
  const [now] = await sql<{ ms: number }[]>`select (extract(epoch from now()) * 1000)::float8 as ms`;
  const [fresh, ofLastYear] = [factOf(Math.floor(now?.ms ?? 0)), factOf(Date.UTC(2020, 0, 1))];
  await Promise.all([ops.postFacts({ facts: [fresh, ofLastYear] }), ops.postFacts({ facts: [fresh] })]);
  assert.deepEqual(await budgetsOf(tenantId), { "grp_l money": [100n, 0n], "usr_1 calls": [2n, 0n] });
  const more = callOf(tenantId);
  await ops.reserveCall(more);
  await assert.rejects(ops.reserveCall(callOf(tenantId)), refusedBy(billingFailures.budget_exceeded, "group"));
  await assertIntegrity(ops);
});

test("a call that was lost takes nothing, and counts when it is reported after all", async () => {
  const tenantId = await createTenant();
  await cap(tenantId, "key", "key_1", limitOf("money", 1_000n));
  const call = callOf(tenantId);
  await ops.reserveCall(call);
  await sql`update hold set expires_at = now() - interval '1 second' where tenant_id = ${tenantId}`;
  await ops.expireHolds();
  assert.deepEqual(await budgetsOf(tenantId), { "key_1 money": [0n, 0n] });
  await ops.settleCall(endOf(call));
  await ops.settleCall(endOf(call));
  assert.deepEqual(await budgetsOf(tenantId), { "key_1 money": [100n, 0n] });
  await assertIntegrity(ops);
});

test("whoever leaves a group is no longer bound by its budget, and what is in flight ends where it began", async () => {
  const tenantId = await createTenant();
  await join(tenantId, "grp_x", "usr_1");
  await cap(tenantId, "group", "grp_x", limitOf("calls", 1n));
  assert.deepEqual([...(await ops.checkBudgets({ tenantId, userId: "usr_1", keyId: "" }))], ["group"]);
  const call = callOf(tenantId);
  await ops.reserveCall(call);
  await service.say(groupMemberRemoved, { tenantId, groupId: "grp_x", userId: "usr_1" });
  await service.untilHeard();
  assert.deepEqual([...(await ops.checkBudgets({ tenantId, userId: "usr_1", keyId: "" }))], []);
  await ops.reserveCall(callOf(tenantId));
  await ops.settleCall(endOf(call));
  assert.deepEqual(await budgetsOf(tenantId), { "grp_x calls": [1n, 0n] });
  // Once for the budget, once for the departure.
  assert.equal((await saidOf(tenantId, "billing.budgets.changed")).length, 2);
});

test("alerts are said once in a period for each mark, with the charge; a refusal is said once", async () => {
  const tenantId = await createTenant();
  const { budgetId } = await cap(tenantId, "user", "usr_1", limitOf("calls", 10n, { period: "month" }));
  for (let i = 0; i < 10; i++) {
    const call = callOf(tenantId);
    await ops.reserveCall(call);
    await ops.settleCall(endOf(call));
  }
  await Promise.allSettled(Array.from({ length: 5 }, () => ops.reserveCall(callOf(tenantId))));
  const reached = await saidOf(tenantId, "billing.budget.threshold_reached");
  assert.deepEqual(
    reached.map(({ data, key }) => [key, data["percent"]]),
    [50, 80, 100].map((percent) => [budgetId, percent]),
  );
  const refusals = await saidOf(tenantId, "billing.quota.exceeded");
  assert.deepEqual(
    refusals.map(({ data, key }) => [key, data["userId"], data["keyId"]]),
    [[budgetId, "usr_1", "key_1"]],
  );
  // Twice the limit: half of it is used. The marks beyond are said again when they are reached.
  await cap(tenantId, "user", "usr_1", limitOf("calls", 12n, { period: "month" }));
  const [last, one] = [callOf(tenantId), callOf(tenantId)];
  for (const call of [last, one]) {
    await ops.reserveCall(call);
    await ops.settleCall(endOf(call));
  }
  const again = await saidOf(tenantId, "billing.budget.threshold_reached");
  assert.deepEqual(
    again.map(({ data }) => data["percent"]),
    [50, 80, 100, 100],
  );
});

test("B15: more for a call under way is held on every level of its path, and refused by the first that is short", async () => {
  const tenantId = await createTenant();
  await cap(tenantId, "tenant", tenantId, limitOf("money", 300n));
  await cap(tenantId, "user", "usr_1", limitOf("tokens", 100n));
  const call = callOf(tenantId);
  await ops.reserveCall(call);
  const { amountNanos, outputTokens } = await ops.raiseHold({ ...call, maxOutputTokens: 500n, minOutputTokens: 46n });
  assert.deepEqual([amountNanos, outputTokens], [190n, 90n]);
  const levels = async () =>
    (await ops.listBudgets({ tenantId, limit: 10 })).rows.map(({ unit, used, reserved }) => [unit, used, reserved]);
  assert.deepEqual((await levels()).sort(), [
    ["money", 0n, 190n],
    ["tokens", 0n, 100n],
  ]);
  await assert.rejects(ops.raiseHold({ ...call, maxOutputTokens: 500n, minOutputTokens: 91n }), (err) =>
    isFailure(err, billingFailures.quota_exceeded),
  );
  await ops.settleCall(endOf(call, 90n));
  assert.deepEqual((await levels()).sort(), [
    ["money", 190n, 0n],
    ["tokens", 100n, 0n],
  ]);
  await assertIntegrity(ops);
});
