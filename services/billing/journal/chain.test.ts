import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { accounts } from "./accounts.ts";
import { type ChainedPosting, chainOf, hashOf, link, platformChain } from "./chain.ts";
import { checkPosting, move, type Posting, spendingKinds } from "./posting.ts";

const posting: Posting = {
  ...{ postingId: "pst_1", kind: "top_up", reference: "wal_1/a", currency: "USD" },
  entries: move(accounts.manual, accounts.wallet("wal_1"), 5n),
};
const empty = { journalSequence: 0n, journalHash: "" };

test("a posting's hash is SHA-256 over the hash before it and its fields, each with its length", () => {
  const text = "0:,5:wal_1,1:1,5:pst_1,6:top_up,7:wal_1/a,3:USD,2:77,14:funding:manual,2:-5,12:wallet:wal_1,1:5,";
  assert.equal(link(posting, "wal_1", empty, 77n).hash, hash("sha256", text, "hex"));
});

test("a change to any field, to an entry or to the posting before it changes the hash; the order of entries does not", () => {
  const first = link(posting, "wal_1", empty, 77n);
  const changes: readonly Partial<ChainedPosting>[] = [
    { chain: "wal_2" },
    { sequence: 2n },
    { postingId: "pst_2" },
    { kind: "usage" },
    { reference: "wal_1/b" },
    { currency: "EUR" },
    { createdAtUs: 78n },
    { entries: move(accounts.grants, accounts.wallet("wal_1"), 5n) },
    { entries: move(accounts.manual, accounts.wallet("wal_1"), 6n) },
  ];
  const hashes = changes.map((change) => hashOf({ ...first, ...change }, ""));
  assert.equal(new Set([first.hash, hashOf(first, "00"), ...hashes]).size, changes.length + 2);
  assert.equal(hashOf({ ...first, entries: first.entries.toReversed() }, ""), first.hash);
});

test("a posting is in the chain of its first wallet, and in the platform's when it touches none", () => {
  assert.equal(chainOf(posting), "wal_1");
  assert.equal(chainOf({ entries: move(accounts.wallet("wal_2"), accounts.wallet("wal_1"), 1n) }), "wal_1");
  assert.equal(chainOf({ entries: move(accounts.revenue, accounts.grants, 1n) }), platformChain);
  assert.equal(platformChain, "platform");
});

test("what a wallet has spent is what it paid for calls", () => {
  assert.deepEqual([...spendingKinds], ["charge", "usage"]);
});

test("a posting out of balance, of one entry, with an entry of zero or with an account twice is refused", () => {
  checkPosting(posting);
  const lines = (...amounts: bigint[]) => amounts.map((amountNanos, i) => ({ account: `a${i}`, amountNanos }));
  checkPosting({ ...posting, entries: lines(1n, 2n, -3n) });
  assert.throws(() => checkPosting({ ...posting, entries: lines(1n, 2n, -4n) }), /pst_1 is out of balance by -1 nanos/);
  assert.throws(() => checkPosting({ ...posting, entries: lines(1n) }), /fewer than two entries/);
  assert.throws(() => checkPosting({ ...posting, entries: lines(1n, 0n, -1n) }), /an entry of zero/);
  assert.throws(() => checkPosting({ ...posting, entries: move("a", "a", 1n) }), /names an account twice/);
});
