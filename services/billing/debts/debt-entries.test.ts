import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreditedWallet } from "../overdraft/overdraft.ts";
import { creditEntries, reversalEntries } from "./debt-entries.ts";

const money = { balanceNanos: 100n, heldNanos: 40n, creditLimitNanos: 0n };
const wallet: CreditedWallet = { walletId: "wal_1", tenantId: "ten_1", currency: "USD", ...money };
const lines = (entries: ReturnType<typeof creditEntries>) =>
  entries.map(({ account, amountNanos }) => [account, amountNanos]);

test("of money that comes in, debt is paid first and the rest is the wallet's, without lines of nothing", () => {
  const credit = (debtNanos: bigint) => lines(creditEntries("funding:manual", wallet, 50n, debtNanos));
  const from = ["funding:manual", -50n];
  assert.deepEqual(credit(0n), [from, ["wallet:wal_1", 50n]]);
  assert.deepEqual(credit(20n), [from, ["receivable:wal_1", 20n], ["wallet:wal_1", 30n]]);
  assert.deepEqual(credit(50n), [from, ["receivable:wal_1", 50n]]);
  assert.deepEqual(credit(70n), [from, ["receivable:wal_1", 50n]]);
});

test("of money that is taken back, what the wallet does not have available is owed", () => {
  const reversal = (amountNanos: bigint) => {
    const { entries, takenNanos, owedNanos } = reversalEntries(wallet, "funding:stripe", amountNanos);
    assert.equal(takenNanos + owedNanos, amountNanos);
    return lines(entries);
  };
  assert.deepEqual(reversal(60n), [
    ["wallet:wal_1", -60n],
    ["funding:stripe", 60n],
  ]);
  assert.deepEqual(reversal(61n), [
    ["wallet:wal_1", -60n],
    ["receivable:wal_1", -1n],
    ["funding:stripe", 61n],
  ]);
  const lent = reversalEntries({ ...wallet, balanceNanos: 130n, creditLimitNanos: 30n }, "funding:stripe", 61n);
  assert.deepEqual([lent.takenNanos, lent.owedNanos], [60n, 1n], "money that is lent is none of the tenant's");
  const spent = { ...wallet, balanceNanos: 40n };
  const { entries, owedNanos } = reversalEntries(spent, "funding:stripe", 5n);
  assert.deepEqual(
    [lines(entries), owedNanos],
    [
      [
        ["receivable:wal_1", -5n],
        ["funding:stripe", 5n],
      ],
      5n,
    ],
  );
});
