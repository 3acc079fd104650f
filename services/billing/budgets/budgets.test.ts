import assert from "node:assert/strict";
import { test } from "node:test";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { BudgetPeriod, BudgetScope, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createBudgetBook } from "./budget-book.ts";
import { fromMessage, toBudgetFacts, unitMessages } from "./budget-message.ts";
import type { BudgetStore } from "./budget-store.ts";
import { createBudgets } from "./budgets.ts";
import { type Budget, type BudgetLimit, budgetPeriods, budgetUnits, scopeKinds, windowAt } from "./model.ts";

const nowMs = Date.UTC(2026, 2, 10, 12);
const tx = "tx" as never;
const limit: BudgetLimit = {
  ...{ unit: "calls", limit: 100n, period: "hour", timeZone: "UTC", resetDay: 1, alertPercents: [50, 100] },
};
const callOf = (userId: string, tenantId = "ten_1") => ({ tenantId, userId, keyId: "key_1" });

function budgetOf(more: Partial<Budget> = {}): Budget {
  return {
    ...{ budgetId: "bud_1", tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1", used: 0n, reserved: 0n, ...limit },
    ...{ alertedPercent: 0, isRefusalSaid: false, window: windowAt(limit, nowMs) },
    ...{ createdAt: new Date(5), updatedAt: new Date(6), ...more },
  };
}

/** Budgets on a store that notes what it is asked, in which `known` people have their quota already. */
function start(defaultLimits: readonly BudgetLimit[] = [], known: readonly string[] = []) {
  const clock = createFakeClock(nowMs);
  const asked: unknown[][] = [];
  const said: unknown[][] = [];
  const claimed = new Set(known.map((userId) => `ten_1 ${userId}`));
  const note =
    <T>(name: string, answer: T) =>
    async (given: unknown, ...more: unknown[]) => {
      assert.equal(given, tx);
      asked.push([name, ...more]);
      return answer;
    };
  const store = {
    listBudgetedTenants: note("listBudgetedTenants", ["ten_9"]),
    lockBudgets: note("lockBudgets", [budgetOf()]),
    listMemberships: note("listMemberships", []),
    findHolds: note("findHolds", []),
    readNowMs: note("readNowMs", nowMs),
    putBudgets: note("putBudgets", undefined),
    updateAmounts: note("updateAmounts", undefined),
    insertHolds: note("insertHolds", undefined),
    updateHolds: note("updateHolds", undefined),
    deleteHolds: note("deleteHolds", undefined),
    async claimQuotas(_tx: unknown, tenantId: string, userIds: readonly string[]) {
      asked.push(["claimQuotas", tenantId, userIds]);
      const fresh = userIds.filter((userId) => !claimed.has(`${tenantId} ${userId}`));
      for (const userId of fresh) claimed.add(`${tenantId} ${userId}`);
      return fresh;
    },
  } as unknown as BudgetStore;
  let isSayable = true;
  const append = async (given: unknown, { type }: { type: string }, data: unknown) => {
    if (!isSayable) throw new Error(`${type} cannot be said`);
    said.push([given, type, data]);
  };
  const outbox = { append } as unknown as Outbox;
  const random = createRandom(clock);
  const budgets = createBudgets({ store, outbox, random, defaultLimits, defaultAlertPercents: [80] });
  return {
    ...{ budgets, store },
    takeAsked: () => asked.splice(0),
    takeNames: () => asked.splice(0).map(([name]) => name),
    takeSaid: () => said.splice(0),
    setSayable: (value: boolean) => {
      isSayable = value;
    },
    open: (...calls: readonly ReturnType<typeof callOf>[]) =>
      budgets.openBook(tx, { budgetedTenantIds: [], calls, holderIds: [] }),
  };
}

test("what the settings say is told to whoever sets budgets", async () => {
  const { budgets, store } = start([limit]);
  assert.deepEqual([budgets.store, budgets.defaultLimits, budgets.defaultAlertPercents], [store, [limit], [80]]);
  assert.deepEqual(await budgets.listBudgetedTenants(tx, ["ten_1"]), ["ten_9"]);
});

test("where no tenant of a transaction has a budget nothing else is asked", async () => {
  const { open, takeAsked } = start();
  const book = await open(callOf("usr_1"));
  assert.deepEqual([takeAsked(), book.nowMs, book.findPath(callOf("usr_1"))], [[], 0, []]);
});

test("of those tenants that have a budget their calls' paths are read, and what calls hold", async () => {
  const { budgets, takeAsked } = start();
  const calls = [{ ...callOf("usr_1"), more: 1 }, callOf("usr_2", "ten_2")];
  const book = await budgets.openBook(tx, { budgetedTenantIds: ["ten_1"], calls, holderIds: ["c1"] });
  assert.deepEqual(takeAsked(), [
    ["lockBudgets", [callOf("usr_1")], ["c1"]],
    ["listMemberships", [callOf("usr_1")]],
    ["findHolds", ["c1"]],
    ["readNowMs"],
  ]);
  assert.equal(book.nowMs, nowMs);
  assert.deepEqual(book.findPath(callOf("usr_1")), [budgetOf()]);
  await budgets.openBook(tx, { budgetedTenantIds: ["ten_1"], calls: [], holderIds: [] });
  assert.deepEqual(takeAsked(), [["lockBudgets", [], []], ["readNowMs"]]);
});

test("a person seen for the first time has the default quota from that call on", async () => {
  const tokens: BudgetLimit = { ...limit, unit: "tokens", period: "total" };
  const { open, takeAsked } = start([limit, tokens]);
  await open(callOf("usr_1"), callOf("usr_1"), callOf(""));
  const asked = takeAsked();
  const given = asked.find(([name]) => name === "putBudgets")?.[1] as Budget[];
  assert.deepEqual(
    asked.map(([name]) => name),
    ["readNowMs", "claimQuotas", "putBudgets", "lockBudgets", "listMemberships", "readNowMs"],
  );
  assert.deepEqual(asked[1], ["claimQuotas", "ten_1", ["usr_1"]]);
  const now = new Date(nowMs);
  const scope = { tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1" };
  const begun = { used: 0n, reserved: 0n, alertedPercent: 0, isRefusalSaid: false, createdAt: now, updatedAt: now };
  assert.deepEqual(
    given.map(({ budgetId: _, ...budget }) => budget),
    [
      { ...scope, ...limit, ...begun, window: windowAt(limit, nowMs) },
      { ...scope, ...tokens, ...begun, window: { startsAt: new Date(0), endsAt: null } },
    ],
  );
  assert.ok(given.every(({ budgetId }) => /^bud_[0-9a-z]{26}$/.test(budgetId)));
  assert.equal(new Set(given.map(({ budgetId }) => budgetId)).size, 2);
});

test("who has a quota is looked up once more after it was given, and then never again", async () => {
  const { open, takeNames } = start([limit], ["usr_2"]);
  await open(callOf("usr_2"));
  assert.deepEqual(takeNames(), ["readNowMs", "claimQuotas"], "it had one: the tenant has no other budget");
  await open(callOf("usr_2"));
  assert.deepEqual(takeNames(), []);
  await open(callOf("usr_1"));
  takeNames();
  // The transaction that gave it may have been rolled back.
  await open(callOf("usr_1"));
  assert.deepEqual(takeNames(), ["readNowMs", "claimQuotas"]);
  await open(callOf("usr_1"));
  assert.deepEqual(takeNames(), []);
});

test("people are told apart by tenant", async () => {
  const { open, takeAsked } = start([limit]);
  await open(callOf("usr_1"), callOf("usr_1", "ten_2"), callOf("usr_2", "ten_2"));
  assert.deepEqual(
    takeAsked().filter(([name]) => name === "claimQuotas"),
    [
      ["claimQuotas", "ten_1", ["usr_1"]],
      ["claimQuotas", "ten_2", ["usr_1", "usr_2"]],
    ],
  );
});

test("no more than a hundred thousand people are remembered, and with one more all are forgotten", async () => {
  const many = Array.from({ length: 100_001 }, (_, i) => `u${i}`);
  const { open, takeNames } = start([limit], [...many, "last"]);
  await open(...many.slice(1).map((userId) => callOf(userId)));
  takeNames();
  await open(callOf("u5"), callOf("u0"));
  takeNames();
  await open(callOf("u5"));
  assert.deepEqual(takeNames(), []);
  await open(callOf("last"));
  await open(callOf("u5"));
  assert.deepEqual(takeNames(), ["readNowMs", "claimQuotas", "readNowMs", "claimQuotas"]);
});

const bookOf = (budgets: readonly Budget[]) => createBudgetBook({ nowMs, budgets, memberships: [], holds: [] });

test("what a book has decided is written, and only that", async () => {
  const { budgets, takeAsked, takeNames, takeSaid } = start();
  await budgets.writeBook(tx, bookOf([budgetOf()]));
  assert.deepEqual([takeNames(), takeSaid()], [[], []]);
  const book = bookOf([budgetOf({ used: 10n })]);
  book.hold({ ...callOf("usr_1"), callId: "c1" }, { money: 0n, tokens: 0n, calls: 1n });
  await budgets.writeBook(tx, book);
  const windowStartsAt = budgetOf().window.startsAt;
  assert.deepEqual(takeAsked(), [
    ["updateAmounts", [budgetOf({ used: 10n, reserved: 1n })]],
    ["insertHolds", [{ holderId: "c1", budgetId: "bud_1", windowStartsAt, amount: 1n }]],
  ]);
  const hold = { holderId: "c1", budgetId: "bud_1", windowStartsAt, amount: 1n };
  const open = () => createBudgetBook({ nowMs, budgets: [budgetOf({ reserved: 1n })], memberships: [], holds: [hold] });
  const ending = open();
  ending.settle("c1", { money: 0n, tokens: 0n, calls: 1n });
  await budgets.writeBook(tx, ending);
  assert.deepEqual(takeAsked(), [
    ["updateAmounts", [budgetOf({ used: 1n })]],
    ["deleteHolds", ["c1"]],
  ]);
  const raising = open();
  raising.raise("c1", { money: 0n, tokens: 0n, calls: 3n });
  await budgets.writeBook(tx, raising);
  assert.deepEqual(takeAsked(), [
    ["updateAmounts", [budgetOf({ reserved: 3n })]],
    ["updateHolds", [{ ...hold, amount: 3n }]],
  ]);
  assert.deepEqual(takeSaid(), []);
});

test("a mark is said when use reaches it, once, and the highest of several that are passed at a time", async () => {
  const { budgets, takeAsked, takeSaid } = start();
  const charge = async (before: Partial<Budget>, calls: bigint) => {
    const book = bookOf([budgetOf(before)]);
    book.charge(callOf("usr_1"), nowMs, { money: 0n, tokens: 0n, calls });
    await budgets.writeBook(tx, book);
    const [written] = (takeAsked()[0]?.[1] ?? []) as Budget[];
    return [written?.used, written?.alertedPercent, takeSaid()];
  };
  const event = (used: bigint, percent: number) => [
    ...[
      [
        tx,
        "billing.budget.threshold_reached",
        { tenantId: "ten_1", budget: toBudgetFacts(budgetOf({ used })), percent },
      ],
    ],
  ];
  assert.deepEqual(await charge({}, 49n), [49n, 0, []]);
  assert.deepEqual(await charge({ used: 49n }, 1n), [50n, 50, event(50n, 50)]);
  const said = { used: 50n, alertedPercent: 50 };
  assert.deepEqual(await charge(said, 49n), [99n, 50, []]);
  assert.equal((await charge(said, 50n))[1], 100);
  assert.deepEqual(await charge({}, 100n), [100n, 100, event(100n, 100)]);
});

test("the first call that a budget refuses is said, with who made it", async () => {
  const { budgets, takeAsked, takeSaid } = start();
  const book = bookOf([budgetOf({ used: 10n })]);
  book.refuse("bud_1", callOf("usr_1"));
  await budgets.writeBook(tx, book);
  const facts = { tenantId: "ten_1", budget: toBudgetFacts(budgetOf({ used: 10n })), userId: "usr_1", keyId: "key_1" };
  assert.deepEqual(takeSaid(), [[tx, "billing.quota.exceeded", facts]]);
  assert.deepEqual(takeAsked(), [["updateAmounts", [budgetOf({ used: 10n, isRefusalSaid: true })]]]);
});

test("what cannot be said of a budget is not written either: the transaction fails", async () => {
  const { budgets, setSayable } = start();
  setSayable(false);
  const book = bookOf([budgetOf()]);
  book.charge(callOf("usr_1"), nowMs, { money: 0n, tokens: 0n, calls: 50n });
  await assert.rejects(budgets.writeBook(tx, book), /threshold_reached cannot/);
  await assert.rejects(budgets.put(tx, "ten_1", [budgetOf({ used: 50n })]), /threshold_reached cannot/);
});

test("a budget with another limit says what of it is used up already, and forgets marks that are no longer reached", async () => {
  const { budgets, takeAsked, takeSaid } = start();
  const changed: unknown[] = [tx, "billing.budgets.changed", { tenantId: "ten_1" }];
  const put = async (...list: Budget[]) => {
    await budgets.put(tx, "ten_1", list);
    const written = (takeAsked()[0]?.[1] ?? []) as Budget[];
    return [written.map(({ alertedPercent }) => alertedPercent), takeSaid().map(([, type]) => type)];
  };
  const reached = "billing.budget.threshold_reached";
  assert.deepEqual(await put(budgetOf({ used: 60n }), budgetOf({ used: 5n })), [
    [50, 0],
    [reached, changed[1]],
  ]);
  assert.deepEqual(await put(budgetOf({ used: 60n, alertedPercent: 100 })), [[50], [changed[1]]]);
  assert.deepEqual(await put(budgetOf({ used: 60n, alertedPercent: 50 })), [[50], [changed[1]]]);
  await budgets.put(tx, "ten_1", []);
  assert.deepEqual([takeAsked(), takeSaid()], [[], [changed]]);
  await budgets.sayChanged(tx, "ten_1");
  assert.deepEqual(takeSaid(), [changed]);
});

test("on the wire a budget keeps its names, amounts and times; without a period that ends it has none", () => {
  const names = { budgetId: "bud_1", tenantId: "ten_1", scopeId: "usr_1", timeZone: "UTC", resetDay: 1 };
  const facts = {
    ...{ ...names, limit: 100n, used: 7n, reserved: 3n, alertPercents: [50, 100] },
    ...{ scope: BudgetScope.USER, unit: BudgetUnit.CALLS, period: BudgetPeriod.HOUR },
    ...{ createdAt: timestampFromDate(new Date(5)), updatedAt: timestampFromDate(new Date(6)) },
  };
  const [startedAt, resetAt] = [nowMs, nowMs + 3_600_000].map((ms) => timestampFromDate(new Date(ms)));
  assert.deepEqual(toBudgetFacts(budgetOf({ used: 7n, reserved: 3n })), { ...facts, startedAt, resetAt });
  const total = { period: "total", window: { startsAt: new Date(0), endsAt: null } } as const;
  assert.deepEqual(toBudgetFacts(budgetOf({ used: 7n, reserved: 3n, ...total })), {
    ...{ ...facts, period: BudgetPeriod.TOTAL },
  });
});

test("every scope, unit and period is called by its own name on the wire, and back", () => {
  const wire = (more: Partial<Budget>) => toBudgetFacts(budgetOf(more));
  const { TENANT, GROUP, USER, KEY } = BudgetScope;
  assert.deepEqual(
    scopeKinds.map((scopeKind) => wire({ scopeKind }).scope),
    [TENANT, GROUP, USER, KEY],
  );
  assert.deepEqual(
    budgetUnits.map((unit) => wire({ unit }).unit),
    [BudgetUnit.MONEY, BudgetUnit.TOKENS, BudgetUnit.CALLS],
  );
  const { MINUTE, HOUR, DAY, MONTH, TOTAL } = BudgetPeriod;
  assert.deepEqual(
    budgetPeriods.map((period) => wire({ period }).period),
    [MINUTE, HOUR, DAY, MONTH, TOTAL],
  );
  assert.equal(fromMessage(unitMessages, BudgetUnit.TOKENS), "tokens");
  assert.equal(fromMessage(unitMessages, BudgetUnit.UNSPECIFIED), undefined);
});
