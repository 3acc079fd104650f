import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { type BudgetOpsDeps, createBudgetOps, maxBudgetsPerTenant } from "./budget-ops.ts";
import type { BudgetStore } from "./budget-store.ts";
import { createBudgets } from "./budgets.ts";
import { type Budget, type BudgetLimit, type BudgetScope, windowAt } from "./model.ts";

const nowMs = Date.UTC(2026, 2, 10, 12, 30);
const hourMs = 3_600_000;
const scope: BudgetScope = { tenantId: "ten_1", scopeKind: "key", scopeId: "key_1" };
const person = { tenantId: "ten_1", userId: "usr_1" };
const limitOf = (more: Partial<BudgetLimit> = {}): BudgetLimit => ({
  ...{ unit: "calls", limit: 100n, period: "hour", timeZone: "UTC", resetDay: 1, alertPercents: [50], ...more },
});

/** Budgets of tenants with a wallet, on a table in memory. */
function start(defaultLimits: readonly BudgetLimit[] = []) {
  const clock = createFakeClock(nowMs);
  const rows = new Map<string, Budget>();
  const quotas = new Set<string>();
  const woken: string[] = [];
  const said: unknown[] = [];
  const keys: unknown[] = [];
  const deleted: string[] = [];
  const state = { extra: 0 };
  const isOf = (budget: Budget, { tenantId, scopeKind, scopeId }: BudgetScope) =>
    budget.tenantId === tenantId && budget.scopeKind === scopeKind && budget.scopeId === scopeId;
  const store: Partial<BudgetStore> = {
    readNowMs: async () => clock.nowMs(),
    listOfScope: async (_db, asked) => [...rows.values()].filter((one) => isOf(one, asked)),
    findBudget: async (_db, tenantId, budgetId) => {
      const budget = rows.get(budgetId);
      return budget?.tenantId === tenantId ? budget : undefined;
    },
    listBudgets: async ({ tenantId, scopeKind, scopeIds, path, afterId, limit }) =>
      [...rows.values()]
        .filter((one) => one.tenantId === tenantId && (afterId === undefined || one.budgetId < afterId))
        .filter((one) => scopeKind === undefined || one.scopeKind === scopeKind)
        .filter((one) => scopeIds === undefined || scopeIds.includes(one.scopeId))
        .filter((one) => path === undefined || one.scopeId === path.keyId)
        .toSorted((a, b) => (a.budgetId < b.budgetId ? 1 : -1))
        .slice(0, limit),
    async putBudgets(_tx, budgets) {
      for (const budget of budgets) rows.set(budget.budgetId, budget);
    },
    async deleteBudgets(_tx, tenantId, ids) {
      const gone = ids.filter((id) => rows.get(id)?.tenantId === tenantId && rows.delete(id));
      deleted.push(...gone);
      return gone.length;
    },
    countBudgets: async (_tx, tenantId, most) =>
      Math.min(most, state.extra + [...rows.values()].filter((one) => one.tenantId === tenantId).length),
    listKindsOf: async ({ keyId }) =>
      [...rows.values()].filter(({ scopeId }) => scopeId === keyId).map(({ scopeKind }) => scopeKind),
    async claimQuotas(_tx, tenantId, userIds) {
      for (const userId of userIds) quotas.add(`${tenantId} ${userId}`);
      return [];
    },
    hasQuota: async (tenantId, userId) => quotas.has(`${tenantId} ${userId}`),
  };
  const append = async (_tx: unknown, { type }: { type: string }) => void said.push(type);
  const outbox = { append } as unknown as Outbox;
  const random = createRandom(clock);
  const budgets = createBudgets({
    ...{ store: store as BudgetStore, outbox, random, defaultLimits, defaultAlertPercents: [80, 100] },
  });
  const transaction = async (work: (tx: unknown) => unknown) => {
    const before = [...rows];
    try {
      return await work("tx");
    } catch (err) {
      rows.clear();
      for (const [id, row] of before) rows.set(id, row);
      throw err;
    }
  };
  const ops = createBudgetOps({
    ...{ budgets, currency: "USD", db: { transaction } },
    journal: { lockWallets: async (_tx: unknown, [id]: string[]) => (id === "ten_x" ? [] : [{ tenantId: id }]) },
    idempotency: {
      run: (request: { operation: string; scope: string; input: object }, work: (tx: unknown) => unknown) => {
        keys.push([request.operation, request.scope, Object.keys(request.input)]);
        return transaction(work);
      },
    },
    ledger: { wake: (tenantId: string) => void woken.push(tenantId) },
  } as unknown as BudgetOpsDeps);
  return {
    ...{ ops, clock, rows, quotas, state, deleted },
    takeWoken: () => woken.splice(0),
    takeSaid: () => said.splice(0),
    takeKeys: () => keys.splice(0),
    use: (budgetId: string, used: bigint, reserved = 0n) => {
      const budget = rows.get(budgetId);
      assert.ok(budget);
      rows.set(budgetId, { ...budget, used, reserved });
    },
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const err = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(err instanceof Failure);
  return `${err.type.code} ${JSON.stringify(err.details)}`;
}

test("a budget that is set begins now with nothing used, nodes are told, and calls that wait look again", async () => {
  const { ops, rows, takeWoken, takeSaid, takeKeys, quotas } = start();
  const budget = await ops.setBudget({ ...scope, limit: limitOf() });
  const { budgetId, createdAt, updatedAt, ...rest } = budget;
  assert.match(budgetId, /^bud_/);
  assert.deepEqual(rest, {
    ...{ ...scope, ...limitOf(), window: windowAt(limitOf(), nowMs), used: 0n, reserved: 0n },
    ...{ alertedPercent: 0, isRefusalSaid: false },
  });
  assert.deepEqual([createdAt, updatedAt, rows.get(budgetId)], [new Date(nowMs), new Date(nowMs), budget]);
  assert.deepEqual([takeWoken(), takeSaid(), quotas.size], [["ten_1"], ["billing.budgets.changed"], 0]);
  assert.deepEqual(takeKeys(), [["setBudget", "ten_1", ["tenantId", "scopeKind", "scopeId", "limit"]]]);
});

test("another limit of the same unit and period takes the place of the first and keeps what is used", async () => {
  const { ops, rows, clock, use } = start();
  const first = await ops.setBudget({ ...scope, limit: limitOf() });
  use(first.budgetId, 7n, 3n);
  clock.advance(1_000);
  const second = await ops.setBudget({ ...scope, limit: limitOf({ limit: 5n }) });
  assert.deepEqual(second, {
    ...{ ...first, limit: 5n, used: 7n, reserved: 3n, updatedAt: new Date(nowMs + 1_000) },
  });
  assert.equal(rows.size, 1);
  await ops.setBudget({ ...scope, limit: limitOf({ unit: "tokens" }) });
  await ops.setBudget({ ...scope, limit: limitOf({ period: "day" }) });
  assert.equal(rows.size, 3);
  clock.advance(hourMs);
  const third = await ops.setBudget({ ...scope, limit: limitOf() });
  assert.deepEqual([third.budgetId, third.used, third.reserved], [first.budgetId, 0n, 0n], "in the next period");
});

test("with another calendar a period goes on from where it began to where the next one begins", async () => {
  const { ops } = start();
  const day = limitOf({ period: "day" });
  const first = await ops.setBudget({ ...scope, limit: day });
  const second = await ops.setBudget({ ...scope, limit: { ...day, timeZone: "Asia/Shanghai" } });
  assert.deepEqual(second.window, { startsAt: first.window.startsAt, endsAt: new Date(Date.UTC(2026, 2, 10, 16)) });
});

test("a limit that names no marks has the configured ones", async () => {
  const { ops } = start();
  assert.deepEqual((await ops.setBudget({ ...scope, limit: limitOf({ alertPercents: [] }) })).alertPercents, [80, 100]);
  assert.deepEqual((await ops.setBudget({ ...scope, limit: limitOf() })).alertPercents, [50]);
});

test("what is set for a person is not joined by a default later", async () => {
  const { ops, quotas } = start();
  await ops.setBudget({ tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1", limit: limitOf() });
  assert.deepEqual([...quotas], ["ten_1 usr_1"]);
});

test("a tenant has a wallet and at most a hundred thousand budgets; a new limit for one of them is no new one", async () => {
  const { ops, state, rows } = start();
  assert.match(await codeOf(ops.setBudget({ ...scope, tenantId: "ten_x", limit: limitOf() })), /wallet_not_found/);
  state.extra = maxBudgetsPerTenant - 1;
  await ops.setBudget({ ...scope, limit: limitOf() });
  const tooMany = 'billing.too_many_budgets {"most":100000}';
  assert.equal(await codeOf(ops.setBudget({ ...scope, limit: limitOf({ unit: "tokens" }) })), tooMany);
  await ops.setBudget({ ...scope, limit: limitOf({ limit: 5n }) });
  assert.equal(rows.size, 1);
  state.extra--;
  await ops.setBudget({ ...scope, limit: limitOf({ unit: "tokens" }) });
  await ops.setBudget({ ...scope, limit: limitOf({ limit: 6n }) });
  assert.equal(rows.size, 2);
  const limits = [limitOf(), limitOf({ period: "day" })];
  assert.equal(await codeOf(ops.setUserQuota({ ...person, limits })), tooMany);
  state.extra -= 2;
  await ops.setUserQuota({ ...person, limits });
  const others = [limitOf({ unit: "tokens" }), limitOf({ period: "day" })];
  await ops.setUserQuota({ ...person, limits: others });
  assert.equal(await codeOf(ops.setUserQuota({ ...person, limits: [...limits, limitOf({ unit: "money" })] })), tooMany);
  assert.equal(rows.size, 4);
});

test("a budget is found by its own tenant in its current period, and listed page by page, newest first", async () => {
  const { ops, clock, use } = start();
  const ids: string[] = [];
  for (const scopeId of ["key_1", "key_2", "key_3"]) {
    ids.push((await ops.setBudget({ ...scope, scopeId, limit: limitOf() })).budgetId);
    clock.advance(1);
  }
  const [first = "", second = "", third = ""] = ids;
  use(first, 7n);
  assert.equal((await ops.getBudget({ tenantId: "ten_1", budgetId: first })).used, 7n);
  assert.match(await codeOf(ops.getBudget({ tenantId: "ten_2", budgetId: first })), /budget_not_found/);
  clock.advance(hourMs);
  assert.equal((await ops.getBudget({ tenantId: "ten_1", budgetId: first })).used, 0n);
  const page = await ops.listBudgets({ tenantId: "ten_1", limit: 2 });
  const rest = await ops.listBudgets({ tenantId: "ten_1", limit: 2, cursor: page.nextCursor });
  assert.deepEqual(
    [page, rest].map(({ rows }) => rows.map(({ budgetId }) => budgetId)),
    [[third, second], [first]],
  );
  assert.deepEqual([rest.rows[0]?.used, rest.nextCursor], [0n, undefined]);
  const count = async (more: object) => (await ops.listBudgets({ tenantId: "ten_1", limit: 9, ...more })).rows.length;
  assert.deepEqual(
    [
      await count({ scopeKind: "user" }),
      await count({ scopeIds: ["key_2"] }),
      await count({ path: { keyId: "key_3" } }),
    ],
    [0, 1, 1],
  );
});

test("a budget that is deleted caps nothing more, once, and calls that wait look again", async () => {
  const { ops, rows, takeWoken, takeSaid } = start();
  const { budgetId } = await ops.setBudget({ ...scope, limit: limitOf() });
  takeWoken();
  takeSaid();
  assert.match(await codeOf(ops.deleteBudget({ tenantId: "ten_2", budgetId })), /budget_not_found/);
  await ops.deleteBudget({ tenantId: "ten_1", budgetId });
  assert.deepEqual([rows.size, takeWoken(), takeSaid()], [0, ["ten_1"], ["billing.budgets.changed"]]);
  assert.match(await codeOf(ops.deleteBudget({ tenantId: "ten_1", budgetId })), /budget_not_found/);
  assert.match(await codeOf(ops.deleteBudget({ tenantId: "ten_x", budgetId })), /wallet_not_found/);
});

test("a quota is a person's limits and no others; what is used stays where unit and period stay", async () => {
  const { ops, rows, quotas, deleted, use, takeWoken, takeKeys } = start();
  const [hour, day] = [limitOf(), limitOf({ period: "day" })];
  const { budgets } = await ops.setUserQuota({ ...person, limits: [hour, day] });
  assert.deepEqual(
    budgets.map(({ unit, period }) => `${unit} ${period}`),
    ["calls day", "calls hour"],
  );
  assert.deepEqual(
    [[...quotas], takeWoken(), takeKeys()],
    [...[["ten_1 usr_1"], ["ten_1"], [["setUserQuota", "ten_1", ["userId", "limits"]]]]],
  );
  const kept = budgets.find(({ period }) => period === "hour");
  assert.ok(kept);
  use(kept.budgetId, 7n);
  const tokens = limitOf({ unit: "tokens", period: "month" });
  const again = await ops.setUserQuota({ ...person, limits: [tokens, limitOf({ limit: 9n })] });
  assert.deepEqual(
    again.budgets.map(({ unit, limit, used }) => [unit, limit, used]),
    [
      ["calls", 9n, 7n],
      ["tokens", 100n, 0n],
    ],
  );
  assert.deepEqual([again.tenantId, again.userId, rows.size], ["ten_1", "usr_1", 2]);
  const gone = budgets.filter(({ period }) => period === "day").map(({ budgetId }) => budgetId);
  assert.deepEqual(deleted, gone, "what stays is not taken out in between");
  const mixed = await ops.setUserQuota({
    ...person,
    limits: [limitOf({ unit: "tokens" }), limitOf({ period: "month" })],
  });
  assert.deepEqual(
    mixed.budgets.map(({ unit, period }) => `${unit} ${period}`),
    ["calls month", "tokens hour"],
  );
  assert.match(await codeOf(ops.setUserQuota({ ...person, tenantId: "ten_x", limits: [] })), /wallet_not_found/);
});

test("who is reset has the configured default, and so has somebody whose quota nobody has set, before the first call", async () => {
  const { ops, rows, clock, use, takeKeys } = start([limitOf({ limit: 3n })]);
  const shown = await ops.getUserQuota(person);
  assert.deepEqual(
    shown.budgets.map(({ budgetId, limit, scopeKind, scopeId }) => [budgetId, limit, scopeKind, scopeId]),
    [["", 3n, "user", "usr_1"]],
  );
  assert.equal(rows.size, 0);
  await ops.setUserQuota({ ...person, limits: [] });
  assert.deepEqual((await ops.getUserQuota(person)).budgets, [], "of whom it is set that nothing is limited");
  takeKeys();
  const { budgets } = await ops.resetUserQuota(person);
  assert.deepEqual(takeKeys(), [["resetUserQuota", "ten_1", ["userId", "limits"]]]);
  assert.deepEqual(
    budgets.map(({ limit }) => limit),
    [3n],
  );
  use(budgets[0]?.budgetId ?? "", 2n);
  assert.equal((await ops.getUserQuota(person)).budgets[0]?.used, 2n);
  clock.advance(hourMs);
  assert.equal((await ops.getUserQuota(person)).budgets[0]?.used, 0n);
  assert.deepEqual(await start().ops.getUserQuota(person), { ...person, budgets: [] });
});

test("of which kinds a call's budgets are: those on its path, and a person's wherever there is a default", async () => {
  const plain = start();
  await plain.ops.setBudget({ ...scope, limit: limitOf() });
  const path = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1" };
  const kindsOf = async ({ ops }: typeof plain, more: object = {}) => [
    ...(await ops.checkBudgets({ ...path, ...more })),
  ];
  assert.deepEqual([await kindsOf(plain), await kindsOf(plain, { keyId: "key_2" })], [["key"], []]);
  const withDefault = start([limitOf()]);
  assert.deepEqual([await kindsOf(withDefault), await kindsOf(withDefault, { userId: "" })], [["user"], []]);
});
