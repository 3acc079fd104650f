import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { type BudgetBook, createBudgetBook } from "./budget-book.ts";
import { availableOf, type Budget, type BudgetHold, budgetUnits, type ScopeKind, windowAt } from "./model.ts";

const startMs = Date.UTC(2026, 2, 10, 12);
const call = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1" };

function budgetOf(more: Partial<Budget> = {}): Budget {
  const calendar = { period: "hour", timeZone: "UTC", resetDay: 1, ...more } as const;
  return {
    ...{ budgetId: "bud_1", tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1", unit: "calls", limit: 100n },
    ...{ alertPercents: [100], used: 0n, reserved: 0n, alertedPercent: 0, isRefusalSaid: false },
    ...{ ...calendar, window: windowAt(calendar, startMs), createdAt: new Date(0), updatedAt: new Date(0) },
    ...more,
  };
}

const open = (budgets: readonly Budget[], holds: readonly BudgetHold[] = [], nowMs = startMs) =>
  createBudgetBook({ nowMs, budgets, holds, memberships: [{ tenantId: "ten_1", userId: "usr_1", groupId: "grp_1" }] });

const amounts = (n: bigint) => ({ money: n, tokens: n, calls: n });
const after = (book: BudgetBook) => book.changes.listChanged().map((change) => change.after);

test("without budgets a call has no path, and holds, uses and is refused nothing", () => {
  const book = open([]);
  book.hold({ ...call, callId: "call_1" }, amounts(1n));
  book.settle("call_1", amounts(1n));
  book.charge(call, startMs, amounts(1n));
  assert.deepEqual(book.findPath(call), []);
  const { listChanged, listNew, listChangedHolds, refusals } = book.changes;
  assert.deepEqual([listChanged(), listNew(), listChangedHolds(), refusals], [[], [], [], []]);
});

test("a path leads from the tenant over the user's groups to user and key, of one tenant, and meets no other scope", () => {
  const scopes: readonly (readonly [ScopeKind, string])[] = [
    ["key", "key_1"],
    ["group", "grp_1"],
    ["user", "usr_1"],
    ["tenant", "ten_1"],
    ["group", "grp_2"],
    ["user", "key_1"],
    ["key", "usr_1"],
  ];
  const budgets = scopes.map(([scopeKind, scopeId]) =>
    budgetOf({ budgetId: `${scopeKind} ${scopeId}`, scopeKind, scopeId }),
  );
  const others = budgets.map((budget) => ({ ...budget, budgetId: `other ${budget.budgetId}`, tenantId: "ten_2" }));
  const book = open([...budgets, ...others]);
  const idsOf = (path: typeof call) => book.findPath(path).map(({ budgetId }) => budgetId);
  assert.deepEqual(idsOf(call), ["tenant ten_1", "group grp_1", "user usr_1", "key key_1"]);
  assert.deepEqual(idsOf({ ...call, userId: "", keyId: "" }), ["tenant ten_1"]);
  assert.deepEqual(idsOf({ ...call, userId: "usr_2", keyId: "key_2" }), ["tenant ten_1"]);
  assert.deepEqual(idsOf({ ...call, tenantId: "ten_3" }), []);
});

test("of what a call holds its budgets allow so much to be collected, and of one in a period gone by as much as it likes", () => {
  const held = (budget: Budget, amount: bigint): BudgetHold => ({
    ...{ holderId: "call_1", budgetId: budget.budgetId, windowStartsAt: budget.window.startsAt, amount },
  });
  const wide = budgetOf({ budgetId: "bud_w", unit: "money", limit: 100n, used: 20n, reserved: 40n });
  const narrow = budgetOf({ budgetId: "bud_n", unit: "money", limit: 50n, used: 20n, reserved: 30n });
  const tokens = budgetOf({ budgetId: "bud_t", unit: "tokens", limit: 1n, reserved: 1n });
  const holds = [held(wide, 10n), held(narrow, 10n), held(tokens, 1n)];
  assert.equal(open([wide, narrow, tokens], holds).findCollectableNanos("call_1"), 10n);
  assert.equal(open([wide, narrow, tokens], holds.toReversed()).findCollectableNanos("call_1"), 10n);
  assert.equal(open([wide, tokens], holds).findCollectableNanos("call_1"), 50n);
  assert.equal(open([tokens], holds).findCollectableNanos("call_1"), undefined);
  assert.equal(open([wide, narrow], holds, startMs + 3_600_000).findCollectableNanos("call_1"), undefined);
  assert.equal(open([wide]).findCollectableNanos("call_1"), undefined);
});

test("what is only looked at is not written; a refusal is noted once in a period", () => {
  const book = open([budgetOf({ used: 7n })], [], startMs + 3_600_000);
  assert.equal(book.findPath(call)[0]?.used, 0n);
  assert.deepEqual(book.changes.listChanged(), []);
  book.refuse("bud_1", call);
  book.refuse("bud_1", { ...call, keyId: "key_2" });
  book.refuse("bud_none", call);
  assert.deepEqual(
    book.changes.refusals.map(({ budget, keyId }) => [budget.budgetId, budget.used, keyId]),
    [["bud_1", 0n, "key_1"]],
  );
  assert.deepEqual(
    after(book).map(({ isRefusalSaid, used }) => [isRefusalSaid, used]),
    [[true, 0n]],
  );
});

test("what was paid from a lease counts from the moment on at which the period begins", () => {
  const { startsAt } = budgetOf().window;
  const book = open([budgetOf()]);
  book.charge(call, startsAt.getTime() - 1, amounts(5n));
  assert.deepEqual(after(book), []);
  book.charge(call, startsAt.getTime(), amounts(3n));
  assert.deepEqual(
    after(book).map(({ used }) => used),
    [3n],
  );
});

test("a lease holds a share of every budget of its path, gets more of those it has, and gives back no more than it holds", () => {
  const money = budgetOf({ budgetId: "bud_m", unit: "money" });
  const book = open([money, budgetOf()]);
  const lease = { ...call, leaseId: "lse_1" };
  book.lend(lease, { money: 10n, tokens: 99n, calls: 2n });
  book.lend(lease, { money: 5n, tokens: 99n, calls: 0n });
  const reserved = () => after(book).map((budget) => [budget.budgetId, budget.reserved]);
  const expected = (nanos: bigint, calls: bigint) => [
    ["bud_m", nanos],
    ["bud_1", calls],
  ];
  assert.deepEqual(reserved(), expected(15n, 2n));
  assert.deepEqual(
    book.findHeld("lse_1").map((budget) => [budget.budgetId, budget.reserved]),
    expected(15n, 2n),
  );
  assert.deepEqual([...book.changes.freedBudgetIds], []);
  book.takeBack("lse_1", { money: 4n, tokens: 1n, calls: 0n });
  assert.deepEqual([reserved(), [...book.changes.freedBudgetIds]], [expected(11n, 2n), ["bud_m"]]);
  book.takeBack("lse_1", amounts(99n));
  assert.deepEqual([reserved(), [...book.changes.freedBudgetIds]], [expected(0n, 0n), ["bud_m", "bud_1"]]);
  assert.deepEqual(
    [book.changes.listNew().map(({ budgetId, amount }) => [budgetId, amount]), book.changes.listChangedHolds()],
    [expected(0n, 0n), []],
  );
});

test("a lease that is known gets more only of the budgets that it holds a share of, in their period", () => {
  const [known, gone, added] = [
    budgetOf({ reserved: 4n }),
    budgetOf({ budgetId: "bud_g", unit: "money", reserved: 0n }),
    budgetOf({ budgetId: "bud_a", unit: "tokens" }),
  ];
  const held = ({ budgetId, window }: Budget, earlierMs: number): BudgetHold => ({
    ...{ holderId: "lse_1", budgetId, amount: 4n, windowStartsAt: new Date(window.startsAt.getTime() - earlierMs) },
  });
  const book = open([known, gone, added], [held(known, 0), held(gone, 3_600_000)]);
  book.lend({ ...call, leaseId: "lse_1" }, amounts(3n));
  book.takeBack("lse_1", amounts(1n));
  assert.deepEqual(
    after(book).map((budget) => [budget.budgetId, budget.reserved]),
    [["bud_1", 6n]],
  );
  assert.deepEqual(
    book.changes.listChangedHolds().map(({ budgetId, amount }) => [budgetId, amount]),
    [["bud_1", 6n]],
  );
  assert.deepEqual(book.changes.listNew(), []);
});

test("what a lease's call used is charged out of the lease's share, and beyond it all the same", () => {
  const { startsAt } = budgetOf().window;
  const [shared, other] = [budgetOf({ reserved: 5n }), budgetOf({ budgetId: "bud_o", unit: "tokens", reserved: 7n })];
  const held = { holderId: "lse_1", budgetId: "bud_1", windowStartsAt: startsAt, amount: 5n };
  const book = open([shared, other], [held]);
  const charge = (leaseId: string, startedAtMs: number, n: bigint) =>
    book.charge({ ...call, leaseId }, startedAtMs, amounts(n));
  const state = () => after(book).map((budget) => [budget.budgetId, budget.used, budget.reserved]);
  charge("lse_1", startsAt.getTime() - 1, 3n);
  assert.deepEqual(state(), [["bud_1", 3n, 2n]], "the lease is of this period, whenever the call began");
  charge("lse_1", startsAt.getTime(), 4n);
  charge("lse_2", startsAt.getTime(), 1n);
  assert.deepEqual(state(), [
    ["bud_1", 8n, 0n],
    ["bud_o", 5n, 7n],
  ]);
  assert.deepEqual(
    book.changes.listChangedHolds().map(({ holderId, amount }) => [holderId, amount]),
    [["lse_1", 0n]],
  );
  assert.deepEqual([...book.changes.freedBudgetIds], [], "what is charged is not free");
});

test("a share of a period that is over is none: what is charged counts by when the call began, and nothing is freed", () => {
  const { startsAt } = budgetOf().window;
  const old = { holderId: "lse_1", budgetId: "bud_1", windowStartsAt: new Date(startsAt.getTime() - 3_600_000) };
  const book = open([budgetOf({ reserved: 2n })], [{ ...old, amount: 9n }]);
  assert.deepEqual(book.findHeld("lse_1"), []);
  book.charge({ ...call, leaseId: "lse_1" }, startsAt.getTime() - 1, amounts(1n));
  book.takeBack("lse_1", amounts(1n));
  assert.deepEqual(after(book), []);
  book.charge({ ...call, leaseId: "lse_1" }, startsAt.getTime(), amounts(1n));
  book.settle("lse_1", amounts(0n));
  assert.deepEqual(
    after(book).map(({ used, reserved }) => [used, reserved]),
    [[1n, 2n]],
  );
});

test("where there is no budget a call's path costs nothing, and a user may be in several groups or in none", () => {
  const none = open([]);
  assert.equal(none.findPath(call), none.findPath({ ...call, keyId: "key_2" }));
  const groups = ["grp_1", "grp_2"].map((scopeId) => budgetOf({ budgetId: scopeId, scopeKind: "group", scopeId }));
  const second = budgetOf({ budgetId: "second", scopeKind: "group", scopeId: "grp_1", unit: "tokens" });
  const memberships = ["grp_2", "grp_1"].map((groupId) => ({ tenantId: "ten_1", userId: "usr_1", groupId }));
  const book = createBudgetBook({ nowMs: startMs, budgets: [...groups, second], holds: [], memberships });
  const idsOf = (userId: string) => book.findPath({ ...call, userId }).map(({ budgetId }) => budgetId);
  assert.deepEqual([idsOf("usr_1"), idsOf("usr_2")], [["grp_2", "grp_1", "second"], []]);
});

test("what a call holds is set aside in each budget of its path, in its own unit, and noted in its period", () => {
  const money = budgetOf({ budgetId: "bud_m", unit: "money", reserved: 3n });
  const book = open([money, budgetOf()]);
  book.hold({ ...call, callId: "call_1" }, { money: 7n, tokens: 8n, calls: 1n });
  book.hold({ ...call, callId: "call_2" }, { money: 1n, tokens: 8n, calls: 1n });
  assert.deepEqual(
    after(book).map(({ budgetId, reserved }) => [budgetId, reserved]),
    [
      ["bud_m", 11n],
      ["bud_1", 2n],
    ],
  );
  const noted = book.changes.listNew().slice(0, 2);
  const windowStartsAt = money.window.startsAt;
  assert.deepEqual(noted, [
    { holderId: "call_1", budgetId: "bud_m", windowStartsAt, amount: 7n },
    { holderId: "call_1", budgetId: "bud_1", windowStartsAt, amount: 1n },
  ]);
});

test("a call that ends frees what it holds where its period goes on, and is noted as ended once", () => {
  const held = (budgetId: string, earlierMs = 0): BudgetHold => ({
    ...{
      holderId: "call_1",
      budgetId,
      windowStartsAt: new Date(budgetOf().window.startsAt.getTime() - earlierMs),
      amount: 4n,
    },
  });
  const budgets = [budgetOf({ reserved: 9n, used: 1n }), budgetOf({ budgetId: "bud_2", reserved: 9n })];
  const book = open(budgets, [held("bud_1"), held("bud_2", 3_600_000), held("bud_gone")]);
  book.settle("call_1", amounts(2n));
  book.settle("call_1", amounts(2n));
  assert.deepEqual(
    after(book).map(({ budgetId, used, reserved }) => [budgetId, used, reserved]),
    [["bud_1", 3n, 5n]],
  );
  assert.deepEqual([book.changes.endedHolderIds, [...book.changes.freedBudgetIds]], [["call_1"], ["bud_1"]]);
});

test("over hours of holds, ends, charges and crashes: used and reserved are what an account by hand says, and within the limit", () => {
  const seeds = process.env["SCENARIO_FULL"] === "1" ? 100 : 10;
  for (let seed = 1; seed <= seeds; seed++) runSeed(seed);
});

/** Transactions on one budget of each unit, each committed or lost whole, beside a list of what is open. */
function runSeed(seed: number): void {
  const { between } = createSeeded(seed);
  let nowMs = startMs;
  let budgets: readonly Budget[] = budgetUnits.map((unit) => budgetOf({ budgetId: `bud_${unit}`, unit, limit: 50n }));
  let holds: readonly BudgetHold[] = [];
  const used = new Map<string, bigint>();
  let lastCall = 0;
  for (let step = 0; step < 200; step++) {
    nowMs += between(0, 5) === 0 ? between(0, 2_400_000) : between(0, 1_000);
    const book = open(budgets, holds, nowMs);
    const isLost = between(0, 7) === 0;
    const windowOf = (budget: Budget) => `${budget.budgetId} ${windowAt(budget, nowMs).startsAt.toISOString()}`;
    const uses: (readonly [string, bigint])[] = [];
    for (let act = between(1, 4); act > 0; act--) {
      const amount = BigInt(between(1, 20));
      const open = [...new Set(holds.map(({ holderId }) => holderId))].filter(
        (id) => !book.changes.endedHolderIds.includes(id),
      );
      const callId = open[between(0, Math.max(0, open.length - 1))];
      if (between(0, 1) === 0 || callId === undefined) {
        const path = book.findPath(call);
        if (path.every((budget) => availableOf(budget) >= amount)) {
          book.hold({ ...call, callId: `call_${++lastCall}` }, amounts(amount));
        }
      } else {
        const most = holds.find((hold) => hold.holderId === callId)?.amount ?? 0n;
        const spent = BigInt(between(0, Number(most)));
        book.settle(callId, amounts(spent));
        book.settle(callId, amounts(spent));
        for (const hold of holds.filter((one) => one.holderId === callId)) {
          uses.push([`${hold.budgetId} ${hold.windowStartsAt.toISOString()}`, spent]);
        }
      }
    }
    // A transaction that is lost leaves everything as it was.
    if (isLost) continue;
    const changed = new Map(after(book).map((budget) => [budget.budgetId, budget]));
    budgets = budgets.map((budget) => changed.get(budget.budgetId) ?? budget);
    const endedIds = new Set(book.changes.endedHolderIds);
    holds = [...holds.filter(({ holderId }) => !endedIds.has(holderId)), ...book.changes.listNew()];
    for (const [name, spent] of uses) used.set(name, (used.get(name) ?? 0n) + spent);
    for (const budget of open(budgets, [], nowMs).findPath(call)) {
      const where = `seed ${seed}, step ${step}: ${budget.budgetId}`;
      const held = holds.filter(
        (hold) =>
          hold.budgetId === budget.budgetId && hold.windowStartsAt.getTime() === budget.window.startsAt.getTime(),
      );
      assert.equal(
        budget.reserved,
        held.reduce((sum, { amount }) => sum + amount, 0n),
        where,
      );
      assert.equal(budget.used, used.get(windowOf(budget)) ?? 0n, where);
      assert.ok(budget.used + budget.reserved <= budget.limit, where);
    }
  }
}

test("a raise sets more aside in the budgets where the call holds something, in the period in which it does, and is seen by what follows", () => {
  const money = budgetOf({ budgetId: "bud_m", unit: "money", limit: 100n, used: 5n, reserved: 30n });
  const calls = budgetOf({ budgetId: "bud_c", unit: "calls", reserved: 3n });
  const fresh = budgetOf({ budgetId: "bud_f", unit: "tokens" });
  const gone = budgetOf({ budgetId: "bud_g", unit: "money", reserved: 7n });
  const held = ({ budgetId, window }: Budget, amount: bigint, earlierMs = 0): BudgetHold => ({
    ...{ holderId: "call_1", budgetId, amount, windowStartsAt: new Date(window.startsAt.getTime() - earlierMs) },
  });
  const book = open([money, calls, fresh, gone], [held(money, 10n), held(calls, 1n), held(gone, 7n, 3_600_000)]);
  const reserved = () => book.findPathWithout("call_1").map((budget) => [budget.budgetId, budget.reserved]);
  assert.deepEqual(reserved(), [
    ["bud_m", 20n],
    ["bud_c", 2n],
  ]);
  book.raise("call_1", { money: 25n, tokens: 99n, calls: 1n });
  book.raise("call_1", { money: 40n, tokens: 99n, calls: 1n });
  assert.deepEqual(
    after(book).map((budget) => [budget.budgetId, budget.reserved]),
    [
      ["bud_m", 60n],
      ["bud_c", 3n],
    ],
  );
  assert.deepEqual(
    book.changes.listChangedHolds().map(({ budgetId, amount }) => [budgetId, amount]),
    [
      ["bud_m", 40n],
      ["bud_c", 1n],
    ],
  );
  assert.deepEqual(reserved(), [
    ["bud_m", 20n],
    ["bud_c", 2n],
  ]);
  book.settle("call_1", { money: 12n, tokens: 1n, calls: 1n });
  assert.deepEqual(
    after(book).map((budget) => [budget.budgetId, budget.used, budget.reserved]),
    [
      ["bud_m", 17n, 20n],
      ["bud_c", 1n, 2n],
    ],
  );
  assert.deepEqual(book.changes.listChangedHolds(), []);
});

test("a call that holds nothing in budgets is raised without a trace", () => {
  const book = open([budgetOf()]);
  assert.deepEqual(book.findPathWithout("call_1"), []);
  book.raise("call_1", amounts(5n));
  book.settle("call_1", amounts(5n));
  assert.deepEqual([after(book), book.changes.listChangedHolds(), book.changes.endedHolderIds], [[], [], []]);
});
