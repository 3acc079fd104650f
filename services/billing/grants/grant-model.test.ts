import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { expireGrants, type Grant, settleGrants, splitBalance, sumLeft } from "./grant-model.ts";

const day = (days: number) => new Date(Date.UTC(2026, 0, 1 + days));
const grantOf = (grantId: string, leftNanos: bigint, endsOnDay: number, spentMarkNanos = 0n): Grant => ({
  ...{ grantId, walletId: "wal_1", tenantId: "ten_1", reference: grantId, reason: "", createdBy: "usr_1" },
  ...{ amountNanos: leftNanos, leftNanos, spentMarkNanos, expiredNanos: 0n, expiries: 0 },
  ...{ expiresAt: day(endsOnDay), createdAt: day(0), endedAt: null },
});
const moneyOf = (balanceNanos: bigint, spentNanos = 0n, heldNanos = 0n) => ({ balanceNanos, spentNanos, heldNanos });
const leftOf = (grants: readonly Grant[]) => grants.map(({ grantId, leftNanos }) => [grantId, leftNanos]);

test("what ends first is spent first, and what is spent beyond all grants is other money", () => {
  const grants = [grantOf("late", 50n, 9), grantOf("early", 30n, 3), grantOf("middle", 20n, 6)];
  const spend = (spentNanos: bigint) => leftOf(settleGrants(grants, moneyOf(1_000n, spentNanos)));
  assert.deepEqual(spend(0n), [
    ["early", 30n],
    ["middle", 20n],
    ["late", 50n],
  ]);
  assert.deepEqual(spend(45n), [
    ["early", 0n],
    ["middle", 5n],
    ["late", 50n],
  ]);
  assert.deepEqual(spend(500n), [
    ["early", 0n],
    ["middle", 0n],
    ["late", 0n],
  ]);
  assert.deepEqual(settleGrants([], moneyOf(0n, 9n)), []);
});

test("settling twice is settling once", () => {
  const grants = [grantOf("a", 50n, 9, 100n), grantOf("b", 30n, 3, 100n)];
  const once = settleGrants(grants, moneyOf(60n, 120n));
  assert.deepEqual(settleGrants(once, moneyOf(60n, 120n)), once);
  assert.deepEqual(leftOf(once), [
    ["b", 10n],
    ["a", 50n],
  ]);
});

test("what is left never exceeds the balance", () => {
  const grants = [grantOf("a", 50n, 9), grantOf("b", 30n, 3)];
  assert.deepEqual(leftOf(settleGrants(grants, moneyOf(60n))), [
    ["b", 10n],
    ["a", 50n],
  ]);
  assert.deepEqual(leftOf(settleGrants(grants, moneyOf(0n))), [
    ["b", 0n],
    ["a", 0n],
  ]);
  assert.deepEqual(splitBalance(100n, settleGrants(grants, moneyOf(100n))), { grantedNanos: 80n, lastingNanos: 20n });
});

test("only what is over ends, at most what is available, and the rest the next time", () => {
  const settled = settleGrants([grantOf("a", 50n, 2), grantOf("b", 30n, 1), grantOf("c", 5n, 9)], moneyOf(85n));
  const ends = expireGrants(settled, moneyOf(85n, 0n, 40n), day(2));
  assert.deepEqual(
    ends.map(({ grant, amountNanos }) => [grant.grantId, amountNanos, grant.leftNanos, grant.expiries]),
    [
      ["b", 30n, 0n, 1],
      ["a", 15n, 35n, 1],
    ],
  );
  assert.deepEqual(
    ends.map(({ grant }) => grant.expiredNanos),
    [30n, 15n],
  );
  const again = expireGrants(
    ends.map(({ grant }) => grant),
    moneyOf(40n, 0n, 40n),
    day(2),
  );
  assert.deepEqual(
    again.map(({ amountNanos, grant }) => [amountNanos, grant.expiries]),
    [
      [0n, 1],
      [0n, 1],
    ],
  );
});

test("settled now and then or charge by charge, the same is left of each grant", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const seeded = createSeeded(seed);
    const upTo = (limit: number) => BigInt(seeded.between(0, limit));
    let spentNanos = 0n;
    let balanceNanos = 0n;
    let lazy: readonly Grant[] = [];
    /** Each charge taken from the grants at once. */
    let eager: readonly Grant[] = [];
    for (let step = 0; step < 60; step++) {
      const kind = seeded.between(0, 9);
      if (kind < 7) {
        const cost = upTo(40);
        const paid = cost < balanceNanos ? cost : balanceNanos;
        spentNanos += paid;
        balanceNanos -= paid;
        eager = settleGrants(eager, moneyOf(balanceNanos, spentNanos));
      } else if (kind === 7) {
        balanceNanos += upTo(50);
      } else {
        lazy = settleGrants(lazy, moneyOf(balanceNanos, spentNanos));
        eager = settleGrants(eager, moneyOf(balanceNanos, spentNanos));
        const given = grantOf(`g${step}`, upTo(99) + 1n, Number(upTo(20)), spentNanos);
        balanceNanos += given.amountNanos;
        [lazy, eager] = [
          [...lazy, given],
          [...eager, given],
        ];
      }
    }
    const money = moneyOf(balanceNanos, spentNanos);
    assert.deepEqual(leftOf(settleGrants(lazy, money)), leftOf(settleGrants(eager, money)), `seed ${seed}`);
    assert.ok(sumLeft(settleGrants(lazy, money)) <= balanceNanos, `seed ${seed}`);
  }
});
