import assert from "node:assert/strict";
import { test } from "node:test";
import { changeLease, grantNanos, type Lease, type LeaseGrant, type LeaseReturn } from "./lease.ts";
import type { Wallet } from "./model.ts";

const walletOf = (balanceNanos: bigint, heldNanos = 0n): Wallet => ({
  ...{ walletId: "wal_1", tenantId: "ten_1", currency: "USD", balanceNanos, heldNanos },
});
const names = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
const grantOf = (wantNanos: bigint, changeNumber = 1, leastNanos = 1n): LeaseGrant => ({
  ...{ ...names, kind: "grant", changeNumber, wantNanos, leastNanos },
});
const returnOf = (amountNanos: bigint, changeNumber = 4): LeaseReturn => ({
  ...{ ...names, kind: "return", changeNumber, amountNanos },
});
const known: Lease = { ...names, walletId: "wal_1", amountNanos: 500n, changeNumber: 3, changeNanos: 200n };

test("a grant is what is wanted, at most an eighth of what is available, and nothing where that is too little", () => {
  assert.equal(grantNanos(walletOf(8_000n), grantOf(999n)), 999n);
  assert.equal(grantNanos(walletOf(8_000n), grantOf(1_000n)), 1_000n);
  assert.equal(grantNanos(walletOf(8_000n), grantOf(1_001n)), 1_000n);
  assert.equal(grantNanos(walletOf(8_800n, 800n), grantOf(5_000n)), 1_000n);
  assert.equal(grantNanos(walletOf(8_000n), grantOf(5_000n, 1, 1_000n)), 1_000n);
  assert.equal(grantNanos(walletOf(8_000n), grantOf(5_000n, 1, 1_001n)), 0n);
  assert.equal(grantNanos(walletOf(7n), grantOf(5_000n, 1, 0n)), 0n);
  assert.equal(grantNanos(walletOf(0n), grantOf(-5n, 1, 0n)), 0n);
});

test("the first change begins a lease, a later one adds to it or takes from it, at most all", () => {
  const begun = { ...names, walletId: "wal_1", amountNanos: 100n, changeNumber: 1, changeNanos: 100n };
  assert.deepEqual(changeLease(undefined, walletOf(8_000n), grantOf(100n)), {
    ...{ lease: begun, nanos: 100n, isRepeat: false },
  });
  const more = changeLease(known, walletOf(8_000n, 500n), grantOf(100n, 4));
  assert.deepEqual(more?.lease, { ...known, amountNanos: 600n, changeNumber: 4, changeNanos: 100n });
  const less = changeLease(known, walletOf(8_000n, 500n), returnOf(499n));
  assert.deepEqual([less?.nanos, less?.lease.amountNanos, less?.isRepeat], [-499n, 1n, false]);
  const all = changeLease(known, walletOf(8_000n, 500n), returnOf(501n, 9));
  assert.deepEqual([all?.nanos, all?.lease.amountNanos, all?.lease.changeNumber], [-500n, 0n, 9]);
});

test("a repeat of the last change is told what that came to, and changes nothing", () => {
  assert.deepEqual(changeLease(known, walletOf(0n), grantOf(9_999n, 3)), { lease: known, nanos: 200n, isRepeat: true });
});

test("a change that was overtaken, of another's lease, or of one that was freed is refused", () => {
  const wallet = walletOf(8_000n);
  assert.equal(changeLease(known, wallet, grantOf(1n, 2)), undefined);
  assert.equal(changeLease({ ...known, nodeId: "node_2" }, wallet, grantOf(1n, 4)), undefined);
  assert.equal(changeLease({ ...known, tenantId: "ten_2" }, wallet, grantOf(1n, 4)), undefined);
  assert.equal(changeLease(undefined, wallet, grantOf(1n, 2)), undefined);
  assert.equal(changeLease(undefined, wallet, returnOf(1n, 0)), undefined);
});
