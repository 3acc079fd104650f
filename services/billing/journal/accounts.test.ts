import assert from "node:assert/strict";
import { test } from "node:test";
import { accounts, walletIdOf } from "./accounts.ts";

test("accounts are called for ever what the journal calls them", () => {
  const { debt, overdraft, paidBy, wallet, ...named } = accounts;
  assert.deepEqual(named, {
    ...{ revenue: "revenue", rounding: "rounding", grants: "funding:grant", manual: "funding:manual" },
    ...{ refunds: "refund:pending", codes: "funding:code", adjustments: "adjustment", corrections: "correction" },
  });
  assert.deepEqual(
    [debt("wal_1"), overdraft("wal_1"), paidBy("stripe"), wallet("wal_1")],
    ["receivable:wal_1", "overdraft:wal_1", "funding:stripe", "wallet:wal_1"],
  );
});

test("whose an account is, is told of wallets only", () => {
  const owners = ["wallet:wal_1", "receivable:wal_1", "revenue", "my wallet:wal_1"].map(walletIdOf);
  assert.deepEqual(owners, ["wal_1", undefined, undefined, undefined]);
});
