import assert from "node:assert/strict";
import { test } from "node:test";
import type { Amounts, Budget, BudgetUnit } from "./budgets/model.ts";
import { changeLease, grantAmounts, type Lease, type LeaseGrant } from "./lease.ts";
import { moneyGrant, moneyReturn } from "./lease-test-changes.ts";
import type { Wallet } from "./model.ts";

const nowMs = Date.UTC(2026, 2, 10, 12);
const names = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
const walletOf = (balanceNanos: bigint, heldNanos = 0n): Wallet => ({
  ...{ walletId: "wal_1", tenantId: "ten_1", currency: "USD", balanceNanos, heldNanos },
});
const budgetOf = (unit: BudgetUnit, limit: bigint, endsInMs?: number): Budget => ({
  ...{ budgetId: `bud_${unit}_${limit}`, tenantId: "ten_1", scopeKind: "key", scopeId: "key_1", unit, limit },
  ...{ period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [], alertedPercent: 0, isRefusalSaid: false },
  ...{ used: 0n, reserved: 0n, createdAt: new Date(0), updatedAt: new Date(0) },
  window: { startsAt: new Date(0), endsAt: endsInMs === undefined ? null : new Date(nowMs + endsInMs) },
});
const amounts = (money: bigint, tokens = 0n, calls = 0n): Amounts => ({ money, tokens, calls });
const grantOf = (want: Amounts, least = amounts(1n)): LeaseGrant => ({
  ...moneyGrant(names, { wantNanos: 0n, changeNumber: 4 }),
  ...{ want, least },
});
const noBudgets = { path: [], held: [], nowMs };
const known: Lease = {
  ...{ ...names, walletId: "wal_1", amountNanos: 500n, changeNumber: 3 },
  ...{ changeNanos: 200n, changeTokens: 0n, changeCalls: 0n },
};
const nothing = amounts(0n);

test("a grant is what is wanted, at most an eighth of what is available, and nothing where that is too little", () => {
  const granted = (wallet: Wallet, wantNanos: bigint, leastNanos = 1n) =>
    grantAmounts(wallet, [], moneyGrant(names, { wantNanos, leastNanos }), nowMs).money;
  assert.equal(granted(walletOf(8_000n), 999n), 999n);
  assert.equal(granted(walletOf(8_000n), 1_000n), 1_000n);
  assert.equal(granted(walletOf(8_000n), 1_001n), 1_000n);
  assert.equal(granted(walletOf(8_800n, 800n), 5_000n), 1_000n);
  assert.equal(granted(walletOf(8_000n), 5_000n, 1_000n), 1_000n);
  assert.equal(granted(walletOf(8_000n), 5_000n, 1_001n), 0n);
  assert.equal(granted(walletOf(7n), 5_000n, 0n), 0n);
  assert.equal(granted(walletOf(0n), -5n, 0n), 0n);
});

test("of each unit the narrowest counts: an eighth of what the wallet and every budget have", () => {
  const wallet = walletOf(80_000n);
  const path = [
    budgetOf("money", 8_000n),
    budgetOf("money", 16_000n),
    budgetOf("tokens", 800n),
    budgetOf("calls", 80n),
  ];
  const want = amounts(5_000n, 90n, 9n);
  const granted = (least: Amounts) => grantAmounts(wallet, path, { want, least }, nowMs);
  assert.deepEqual(granted(amounts(1_000n, 90n, 9n)), amounts(1_000n, 90n, 9n));
  assert.deepEqual(granted(amounts(1_000n, 100n, 10n)), amounts(1_000n, 90n, 9n));
  for (const least of [amounts(1_001n), amounts(1n, 101n), amounts(1n, 1n, 11n)]) {
    assert.deepEqual(granted(least), nothing, "too little of one is nothing of all");
  }
  const poor = grantAmounts(walletOf(800n), path, { want, least: amounts(1n, 1n, 1n) }, nowMs);
  assert.deepEqual(poor, amounts(100n, 90n, 9n), "the wallet is the narrowest");
});

test("what calls hold and have used of a budget is not lent; one that is used up lends nothing", () => {
  const granted = (used: bigint, reserved: bigint) =>
    grantAmounts(walletOf(80_000n), [{ ...budgetOf("calls", 80n), used, reserved }], { ...wantCalls }, nowMs).calls;
  const wantCalls = { want: amounts(1n, 0n, 99n), least: amounts(1n, 0n, 0n) };
  assert.deepEqual([granted(0n, 0n), granted(24n, 16n), granted(72n, 1n), granted(90n, 0n)], [10n, 5n, 0n, 0n]);
});

test("tokens and calls that no budget counts are not granted", () => {
  const granted = grantAmounts(walletOf(8_000n), [], { want: amounts(9n, 9n, 9n), least: amounts(1n, 9n, 9n) }, nowMs);
  assert.deepEqual(granted, amounts(9n));
});

test("a budget that begins anew within five seconds is not lent", () => {
  const granted = (endsInMs: number) =>
    grantAmounts(walletOf(8_000n), [budgetOf("calls", 80n, endsInMs)], grantOf(amounts(9n, 0n, 5n)), nowMs).calls;
  assert.deepEqual([granted(5_000), granted(4_999), granted(-1)], [5n, 0n, 0n]);
});

test("the first change begins a lease, a later one adds to it or takes from it, at most all", () => {
  const first = moneyGrant(names, { wantNanos: 100n });
  const begun = { ...known, amountNanos: 100n, changeNumber: 1, changeNanos: 100n };
  assert.deepEqual(changeLease(undefined, walletOf(8_000n), first, noBudgets), {
    ...{ lease: begun, amounts: amounts(100n), isRepeat: false },
  });
  const more = changeLease(known, walletOf(8_000n, 500n), grantOf(amounts(100n)), noBudgets);
  assert.deepEqual(more?.lease, { ...known, amountNanos: 600n, changeNumber: 4, changeNanos: 100n });
  const back = (amountNanos: bigint, changeNumber: number) =>
    changeLease(known, walletOf(8_000n, 500n), moneyReturn(names, { amountNanos, changeNumber }), noBudgets);
  const less = back(499n, 4);
  assert.deepEqual([less?.amounts.money, less?.lease.amountNanos, less?.isRepeat], [-499n, 1n, false]);
  const all = back(501n, 9);
  assert.deepEqual([all?.amounts.money, all?.lease.amountNanos, all?.lease.changeNumber], [-500n, 0n, 9]);
});

test("a lease remembers what its last change came to in tokens and calls", () => {
  const path = [budgetOf("tokens", 800n), budgetOf("calls", 80n)];
  const change = grantOf(amounts(9n, 50n, 5n));
  const granted = changeLease(known, walletOf(8_000n), change, { path, held: path, nowMs });
  assert.deepEqual(granted?.amounts, amounts(9n, 50n, 5n));
  const repeat = changeLease(granted?.lease, walletOf(0n), change, { path, held: path, nowMs });
  assert.deepEqual([repeat?.amounts, repeat?.isRepeat], [amounts(9n, 50n, 5n), true]);
  const back = { ...moneyReturn(names, { amountNanos: 0n, changeNumber: 5 }), amounts: amounts(4n, 20n, 2n) };
  const returned = changeLease(granted?.lease, walletOf(0n), back, { path: [], held: path, nowMs });
  assert.deepEqual(returned?.amounts, amounts(-4n, -20n, -2n));
  assert.deepEqual([returned?.lease.changeTokens, returned?.lease.changeCalls], [-20n, -2n]);
});

test("a lease gets no more when its calls must fit into other budgets than those it holds shares of", () => {
  const [old, added] = [budgetOf("calls", 80n), budgetOf("calls", 88n)];
  const grown = (path: readonly Budget[], held: readonly Budget[], lease: Lease | undefined = known) => {
    const change = { ...grantOf(amounts(9n, 0n, 5n)), changeNumber: lease ? 4 : 1 };
    return changeLease(lease, walletOf(8_000n), change, { path, held, nowMs })?.amounts.money;
  };
  assert.equal(grown([old], [old]), 9n);
  assert.equal(grown([old, added], [added, old]), 9n);
  assert.equal(grown([old, added], [old]), 0n);
  assert.equal(grown([old], [old, added]), 0n);
  assert.equal(grown([added], [old]), 0n);
  assert.equal(grown([old], []), 0n);
  const begun = changeLease(
    undefined,
    walletOf(8_000n),
    { ...grantOf(amounts(9n, 0n, 5n)), changeNumber: 1 },
    { path: [old], held: [], nowMs },
  );
  assert.deepEqual(begun?.amounts, amounts(9n, 0n, 5n), "a new one holds none yet");
});

test("a repeat of the last change is told what that came to, and changes nothing", () => {
  const repeat = moneyGrant(names, { wantNanos: 9_999n, changeNumber: 3 });
  assert.deepEqual(changeLease(known, walletOf(0n), repeat, noBudgets), {
    ...{ lease: known, amounts: amounts(200n), isRepeat: true },
  });
});

test("a change that was overtaken, of another's lease, or of one that was freed is refused", () => {
  const grant = (lease: Lease | undefined, changeNumber: number) =>
    changeLease(lease, walletOf(8_000n), moneyGrant(names, { wantNanos: 1n, changeNumber }), noBudgets);
  assert.equal(grant(known, 2), undefined);
  assert.equal(grant({ ...known, nodeId: "node_2" }, 4), undefined);
  assert.equal(grant({ ...known, tenantId: "ten_2" }, 4), undefined);
  assert.equal(grant(undefined, 2), undefined);
  const back = moneyReturn(names, { amountNanos: 1n, changeNumber: 0 });
  assert.equal(changeLease(undefined, walletOf(8_000n), back, noBudgets), undefined);
});
