import assert from "node:assert/strict";
import { test } from "node:test";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { hashOf, platformChain } from "@lyss/services/billing/journal/chain.ts";
import { createJournal } from "@lyss/services/billing/journal/journal.ts";
import { move, type Posting, type PostingKind } from "@lyss/services/billing/journal/posting.ts";
import { start, tx } from "./memory-batch.ts";

/** A journal with the wallets of two tenants, each of 1,000 nanos. */
async function startJournal() {
  const { tables, clock } = await start(1_000n);
  const sent: string[] = [];
  const store = new Proxy(tables.journal, {
    get(target, name, receiver) {
      sent.push(String(name));
      return Reflect.get(target, name, receiver);
    },
  });
  const journal = createJournal(store);
  const before = tables.rows.postings().length;
  sent.length = 0;
  return {
    ...{ journal, tables, clock },
    takeSent: () => sent.splice(0),
    lock: (...tenantIds: string[]) => journal.lockWallets(tx, tenantIds, "USD"),
    /** As the tables have them: with the head of the chain, and what the last write said was spent. */
    walletOf: (walletId: string) =>
      tables.rows.wallets().find((wallet) => wallet.walletId === walletId) as unknown as Record<string, unknown>,
    posted: () => tables.rows.postings().slice(before),
  };
}

let lastId = 0;
const postingOf = (entries: Posting["entries"], kind: PostingKind = "adjustment"): Posting => {
  const postingId = `pst_${++lastId}`;
  return { postingId, kind, reference: postingId, currency: "USD", entries };
};
const [one, two] = [accounts.wallet("wal_1"), accounts.wallet("wal_2")];

test("postings move the balances of the wallets that they name, and each follows the one before it in its chain", async () => {
  const { journal, lock, posted, walletOf } = await startJournal();
  const locked = await lock("ten_1", "ten_2");
  const after = await journal.post(tx, locked, [
    postingOf(move(one, accounts.adjustments, 30n)),
    postingOf(move(accounts.manual, one, 5n)),
  ]);
  assert.deepEqual(
    after.map(({ walletId, balanceNanos }) => [walletId, balanceNanos]),
    [
      ["wal_1", 975n],
      ["wal_2", 1_000n],
    ],
  );
  assert.equal(after[1], locked[1], "that of another is left as it is");
  const [first, second] = posted();
  assert.ok(first && second && locked[0]);
  assert.deepEqual([first.chain, first.sequence, second.sequence], ["wal_1", 2n, 3n]);
  assert.deepEqual([first.hash, second.hash], [hashOf(first, locked[0].journalHash), hashOf(second, first.hash)]);
  const { balanceNanos, journalSequence, journalHash } = walletOf("wal_1");
  assert.deepEqual([balanceNanos, journalSequence, journalHash], [975n, 3n, second.hash]);
});

test("one posting may move the money of several wallets; it stands in the chain of the first", async () => {
  const { journal, lock, posted, walletOf } = await startJournal();
  await journal.post(tx, await lock("ten_1", "ten_2"), [postingOf(move(two, one, 7n))]);
  assert.deepEqual(
    posted().map(({ chain }) => chain),
    ["wal_1"],
  );
  assert.deepEqual([walletOf("wal_1")["balanceNanos"], walletOf("wal_2")["balanceNanos"]], [1_007n, 993n]);
  assert.deepEqual([walletOf("wal_1")["journalSequence"], walletOf("wal_2")["journalSequence"]], [2n, 1n]);
});

test("postings are stamped with the time of their transaction", async () => {
  const { journal, lock, posted, clock } = await startJournal();
  const locked = (await lock("ten_1")).map((wallet) => ({ ...wallet, lockedAtUs: 77n }));
  await journal.post(tx, locked, [postingOf(move(one, accounts.adjustments, 1n))]);
  await journal.post(tx, [], [postingOf(move(accounts.revenue, accounts.grants, 1n))]);
  await journal.post(tx, locked, []);
  await journal.post(tx, [], []);
  assert.deepEqual(
    posted().map(({ createdAtUs }) => createdAtUs),
    [77n, BigInt(clock.nowMs()) * 1_000n],
  );
});

test("postings that touch no wallet have a chain of their own, which is locked only for them", async () => {
  const { journal, lock, posted, takeSent } = await startJournal();
  const ours = () => postingOf(move(accounts.revenue, accounts.grants, 3n));
  await journal.post(tx, [], [ours(), ours()]);
  assert.deepEqual(takeSent(), ["lockPlatformChain", "insertPostings", "updatePlatformChain"]);
  const locked = await lock("ten_1");
  takeSent();
  await journal.post(tx, locked, [ours(), postingOf(move(one, accounts.adjustments, 1n))]);
  assert.deepEqual(takeSent(), ["lockPlatformChain", "updateWallets", "insertPostings", "updatePlatformChain"]);
  assert.deepEqual(
    posted().map(({ chain, sequence }) => [chain, sequence]),
    [
      ...[
        [platformChain, 1n],
        [platformChain, 2n],
        [platformChain, 3n],
        ["wal_1", 2n],
      ],
    ],
  );
});

test("what calls cost is counted as spent, and no other money that goes or comes", async () => {
  const { journal, lock, walletOf } = await startJournal();
  const spent = async (...postings: readonly Posting[]) => {
    await journal.post(tx, await lock("ten_1", "ten_2"), postings);
    return [walletOf("wal_1")["spendingNanos"], walletOf("wal_2")["spendingNanos"]];
  };
  const paid = (amountNanos: bigint, kind: PostingKind) => postingOf(move(one, accounts.revenue, amountNanos), kind);
  assert.deepEqual(await spent(paid(5n, "charge"), paid(7n, "usage"), paid(9n, "adjustment")), [12n, 0n]);
  assert.deepEqual(await spent(paid(9n, "adjustment")), [0n, 0n]);
  assert.deepEqual(await spent(postingOf(move(accounts.revenue, one, 4n), "charge")), [0n, 0n]);
});

test("a write changes only the wallets that are different, and says nothing where nothing is", async () => {
  const { journal, lock, takeSent, walletOf, tables } = await startJournal();
  const before = await lock("ten_1", "ten_2");
  takeSent();
  const [first] = before;
  assert.ok(first);
  await journal.write(tx, { before, after: [{ ...first, heldNanos: 5n }], postings: [] });
  assert.deepEqual(takeSent(), ["updateWallets"]);
  assert.deepEqual([walletOf("wal_1")["heldNanos"], walletOf("wal_1")["spendingNanos"]], [5n, 0n]);
  assert.equal(tables.rows.wallets()[1], before[1]);
  await journal.write(tx, { before, after: before, postings: [] });
  assert.deepEqual(takeSent(), []);
});

test("money that moves by anything else than its entries is refused before anything is written", async () => {
  const { journal, lock, posted, takeSent } = await startJournal();
  const before = await lock("ten_1", "ten_2");
  const [first] = before;
  assert.ok(first);
  takeSent();
  const posting = postingOf(move(one, accounts.revenue, 3n));
  const refused = (after: readonly bigint[], postings: readonly Posting[], reason: RegExp, held = before) =>
    assert.rejects(
      journal.write(tx, { before: held, after: after.map((balanceNanos) => ({ ...first, balanceNanos })), postings }),
      reason,
    );
  await refused([1_001n], [], /wallet wal_1 moved by 1 nanos, its postings by 0/);
  await refused([], [posting], /wallet wal_1 moved by 0 nanos, its postings by -3/);
  await refused([998n], [posting], /wallet wal_1 moved by -2 nanos, its postings by -3/);
  await refused([], [posting], /a posting names wallet:wal_1, which is not locked/, []);
  await refused(
    [],
    [
      postingOf([
        { account: "revenue", amountNanos: 1n },
        { account: "rounding", amountNanos: 1n },
      ]),
    ],
    /out of balance/,
  );
  assert.deepEqual(posted(), []);
  assert.deepEqual(
    takeSent().filter((name) => name !== "lockPlatformChain"),
    [],
  );
});

test("a posting of wallets alone locks nothing else; money that goes and comes moves the chain, and no balance", async () => {
  const { journal, lock, takeSent, walletOf, posted } = await startJournal();
  const locked = await lock("ten_1");
  takeSent();
  await journal.post(tx, locked, [
    postingOf(move(one, accounts.adjustments, 5n)),
    postingOf(move(accounts.adjustments, one, 5n)),
  ]);
  assert.deepEqual(takeSent(), ["updateWallets", "insertPostings"]);
  const { balanceNanos, journalSequence, journalHash } = walletOf("wal_1");
  assert.deepEqual([balanceNanos, journalSequence, journalHash], [1_000n, 3n, posted()[1]?.hash]);
});

test("who listens hears of each balance that moves, and to where, but not of what is lent", async () => {
  const { tables, lock } = await startJournal();
  const moved: unknown[] = [];
  const journal = createJournal(tables.journal, async (given, { walletId, balanceNanos }, afterNanos) => {
    moved.push([given, walletId, balanceNanos, afterNanos]);
  });
  const post = async (...postings: readonly Posting[]) => {
    await journal.post(tx, await lock("ten_1", "ten_2"), postings);
    return moved.splice(0);
  };
  assert.deepEqual(await post(postingOf(move(one, accounts.revenue, 7n), "charge")), [[tx, "wal_1", 1_000n, 993n]]);
  const lent = (nanos: bigint) => postingOf(move(accounts.overdraft("wal_1"), one, nanos), "credit_limit");
  assert.deepEqual(await post(lent(50n)), []);
  assert.deepEqual(await post(lent(50n), postingOf(move(one, two, 3n))), [
    [tx, "wal_1", 1_043n, 1_040n],
    [tx, "wal_2", 1_000n, 1_003n],
  ]);
  assert.deepEqual(await post(postingOf(move(accounts.revenue, accounts.grants, 3n))), []);
});
