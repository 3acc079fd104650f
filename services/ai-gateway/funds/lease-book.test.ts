import assert from "node:assert/strict";
import { test } from "node:test";
import { type Amounts, ofMoney } from "@lyss/contracts/budgets/amounts.ts";
import { toLeasePath } from "./budget-paths.ts";
import {
  addGranted,
  assessLease,
  covers,
  createLease,
  draw,
  freeOf,
  giveBack,
  isEmpty,
  missingOf,
  type NodeLease,
  notePosted,
  runsLow,
  settleDraw,
  wantedBy,
} from "./lease-book.ts";

const amounts = (money: bigint, tokens = 0n, calls = 0n): Amounts => ({ money, tokens, calls });
const outOf = ({ money, tokens, calls }: NodeLease) => amounts(money.out, tokens?.out, calls?.out);

/** Until the thousandth millisecond; of money only unless tokens and calls are given. */
function leaseOf(grantedNanos: bigint, grantedTokens?: bigint, grantedCalls?: bigint): NodeLease {
  const lease = createLease("lse_1", toLeasePath({ tenantId: "ten_1", userId: "", keyId: "" }));
  lease.validUntilMs = 1_000;
  addGranted(lease, { grantedNanos, grantedTokens, grantedCalls });
  return lease;
}

test("a call draws what it may cost at most, and nothing when there is less or the lease is over", () => {
  const lease = leaseOf(100n);
  assert.equal(draw(lease, ofMoney(101n), 0), undefined);
  assert.equal(draw(lease, ofMoney(1n), 1_000), undefined);
  assert.deepEqual([freeOf(lease), outOf(lease)], [amounts(100n), amounts(0n)]);
  assert.ok(draw(lease, ofMoney(100n), 999));
  assert.deepEqual([freeOf(lease), outOf(lease)], [amounts(0n), amounts(100n)]);
});

test("where budgets count tokens or calls a call draws them, too, all or nothing", () => {
  const lease = leaseOf(100n, 50n, 2n);
  assert.equal(draw(lease, amounts(1n, 51n, 1n), 0), undefined);
  assert.equal(draw(lease, amounts(1n, 1n, 3n), 0), undefined);
  assert.deepEqual([freeOf(lease), outOf(lease)], [amounts(100n, 50n, 2n), amounts(0n)]);
  assert.ok(draw(lease, amounts(60n, 50n, 1n), 0));
  assert.deepEqual([freeOf(lease), outOf(lease)], [amounts(40n, 0n, 1n), amounts(60n, 50n, 1n)]);
});

test("what no budget counts is not drawn, and nothing of it is ever free", () => {
  const lease = leaseOf(100n, undefined, 1n);
  const drawn = draw(lease, amounts(10n, 1_000n, 1n), 0);
  assert.ok(drawn);
  settleDraw(drawn, amounts(4n, 7n, 1n));
  notePosted(drawn);
  assert.deepEqual([lease.tokens, freeOf(lease), outOf(lease)], [undefined, amounts(96n), amounts(0n)]);
});

test("what a call did not take is free at once, and what it took is out until it is posted", () => {
  const lease = leaseOf(100n, 50n, 2n);
  const drawn = draw(lease, amounts(60n, 40n, 1n), 0);
  assert.ok(drawn);
  settleDraw(drawn, amounts(25n, 30n, 0n));
  assert.deepEqual([freeOf(lease), outOf(lease)], [amounts(75n, 20n, 2n), amounts(25n, 30n)]);
  notePosted(drawn);
  assert.deepEqual([freeOf(lease), outOf(lease)], [amounts(75n, 20n, 2n), amounts(0n)]);
});

test("a lease runs low with the first of what it has", () => {
  const lease = leaseOf(1_000n, 1_000n, 1_000n);
  assert.equal(runsLow(lease), false);
  for (const unit of ["money", "tokens", "calls"] as const) {
    const [free, peakOut] = [lease[unit]?.free, lease[unit]?.peakOut];
    Object.assign(lease[unit] ?? {}, { free: 9n, peakOut: 100n });
    assert.equal(runsLow(lease), true, unit);
    Object.assign(lease[unit] ?? {}, { free, peakOut });
  }
  assert.equal(runsLow(leaseOf(1_000n)), false);
});

test("a lease covers what is needed when there is enough of each unit that it has", () => {
  const lease = leaseOf(10n, 5n);
  assert.ok(covers(lease, amounts(10n, 5n, 99n)));
  assert.ok(!covers(lease, amounts(11n, 5n)));
  assert.ok(!covers(lease, amounts(10n, 6n)));
});

test("what is missing of a need is asked for as the least, and half more than the need where nothing is known", () => {
  const lease = leaseOf(10n, 5n);
  assert.deepEqual(missingOf(lease, amounts(12n, 4n, 1n)), amounts(2n, 0n, 1n));
  assert.deepEqual(wantedBy(lease, amounts(12n, 4n, 2n)), amounts(18n, 6n, 3n));
});

test("a lease is empty when nothing of any unit is free or out", () => {
  const lease = leaseOf(0n, 0n, 0n);
  assert.ok(isEmpty(lease) && isEmpty(leaseOf(0n)));
  for (const more of [
    { grantedNanos: 1n },
    { grantedNanos: 0n, grantedTokens: 1n },
    { grantedNanos: 0n, grantedCalls: 1n },
  ]) {
    addGranted(lease, more);
    assert.ok(!isEmpty(lease));
    giveBack(lease, freeOf(lease));
    assert.ok(isEmpty(lease));
  }
  addGranted(lease, { grantedNanos: 1n });
  assert.ok(draw(lease, ofMoney(1n), 0));
  assert.ok(!isEmpty(lease), "it is out");
});

test("what is far beyond its use goes back, and after five seconds without a call all of it", () => {
  const lease = leaseOf(10_000n, 10_000n, 100n);
  const drawn = draw(lease, amounts(100n, 200n, 1n), 3_000 - 2_001);
  assert.ok(drawn);
  settleDraw(drawn, amounts(0n));
  // The peaks fall by a quarter to 75, 150 and nothing, and the targets are half more.
  assert.deepEqual(assessLease(lease, 1_000, 5_998), amounts(10_000n - 2n * 112n, 10_000n - 2n * 225n, 100n));
  assert.deepEqual(assessLease(lease, 1_000, 5_999), amounts(10_000n, 10_000n, 100n));
});

test("a new lease has nothing, is over until billing has granted something, and then without an end", () => {
  const path = toLeasePath({ tenantId: "ten_1", userId: "", keyId: "" });
  const { money, ...lease } = createLease("lse_1", path);
  assert.deepEqual(lease, {
    ...{ leaseId: "lse_1", path, tokens: undefined, calls: undefined, budgetIds: [], validUntilMs: 0 },
    ...{ endsAtMs: Number.POSITIVE_INFINITY, lastDrawnMs: 0, changeNumber: 0 },
  });
  assert.deepEqual([money.free, money.out, isEmpty(createLease("lse_1", path))], [0n, 0n, true]);
});

test("a lease of money alone is drawn from, posted and given back without a word of other units", () => {
  const lease = leaseOf(100n);
  const drawn = draw(lease, ofMoney(50n), 0);
  assert.ok(drawn);
  assert.equal(isEmpty(lease), false, "as much is free as is out");
  settleDraw(drawn, ofMoney(20n));
  notePosted(drawn);
  giveBack(lease, ofMoney(80n));
  assert.deepEqual([freeOf(lease), outOf(lease), isEmpty(lease)], [amounts(0n), amounts(0n), true]);
});

test("of each unit as much is asked for, and missing, as that unit needs", () => {
  const lease = leaseOf(100n, 100n, 4n);
  assert.ok(draw(lease, amounts(100n, 100n, 4n), 0));
  assert.deepEqual(wantedBy(lease, amounts(0n)), amounts(50n, 50n, 2n));
  assert.deepEqual(missingOf(lease, amounts(3n, 5n, 1n)), amounts(3n, 5n, 1n));
});
