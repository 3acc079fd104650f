import assert from "node:assert/strict";
import { hash } from "node:crypto";
import type { Seeded } from "@lyss/kit/testing/seeded-random.ts";
import { type LedgerClient, legOf, outside, replay, signed } from "./ledger-client.ts";
import type { LedgerEntry } from "./read-journal.ts";

/** What an invariant is tried with. */
export interface Trial {
  readonly ledger: LedgerClient;
  readonly draws: Seeded;
  /** How many of as many as the kit takes: fewer where the load is small. */
  readonly some: (count: number) => number;
  /** Spoils what is derived from the journal and derives it anew, as an operator would. */
  readonly rebuild: () => Promise<void>;
}

export interface Invariant {
  readonly id: string;
  readonly claim: string;
  /** Fails on an empty ledger that does not hold it. */
  readonly check: (trial: Trial) => Promise<void>;
}

const count = (amount: number) => Array.from({ length: amount }, (_, i) => i);

const maxAtOnce = 64;

/** By 64 callers at most, each over a connection of its own. When one fails, nothing is under way any more. */
async function atOnce<T>(amount: number, task: (i: number) => Promise<T>): Promise<readonly T[]> {
  const results = new Map<number, T>();
  let next = 0;
  const call = async () => {
    for (let i = next++; i < amount; i = next++) results.set(i, await task(i));
  };
  const ended = await Promise.allSettled(count(Math.min(amount, maxAtOnce)).map(call));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  return count(amount).flatMap((i) => results.get(i) ?? []);
}

const toLine = (entry: LedgerEntry) => JSON.stringify(entry);

/** Moves drawn amounts between the accounts, all at once; each account has enough for all of its own. */
async function shuffleMoney({ ledger, draws }: Trial, accounts: readonly string[], moves: number): Promise<number> {
  for (const account of accounts) await ledger.fund(account, 100 * moves);
  const distance = draws.between(1, accounts.length - 1);
  const answers = await atOnce(moves, (i) => {
    const [from, to] = [i, i + distance].map((at) => accounts[at % accounts.length] ?? "");
    return ledger.move(from ?? "", to ?? "", draws.between(1, 100), `move ${i}`);
  });
  assert.ok(answers.every(({ status }) => status === "APPLIED"));
  return 100 * moves * accounts.length;
}

/**
 * The invariants of the Ledger Conformance Kit 1.1.0 (github.com/technomorphcorporation/ledger-conformance-kit, Apache-2.0), each
 * under the kit's number, written anew for what billing's journal promises: amounts and orders are drawn from a seed.
 */
export const invariants: readonly Invariant[] = [
  {
    id: "INV-01",
    claim: "every posting sums to zero in its currency, and one that does not is refused",
    async check({ ledger, draws }) {
      await ledger.fund("acct:a", 10_000);
      await ledger.move("acct:a", "acct:b", draws.between(1, 10_000), "one");
      const amount = draws.between(2, 1_000);
      const uneven = [legOf(outside, "DEBIT", amount), legOf("acct:a", "CREDIT", draws.between(1, amount - 1))];
      assert.equal((await ledger.post("uneven", uneven)).status, "REJECTED");
      const postings = Map.groupBy(await ledger.journal(), ({ transactionId }) => transactionId);
      assert.equal(postings.size, 2);
      for (const [id, entries] of postings) {
        assert.equal(new Set(entries.map(({ currency }) => currency)).size, 1, id);
        assert.equal(
          entries.reduce((sum, entry) => sum + signed(entry), 0),
          0,
          id,
        );
      }
    },
  },
  {
    id: "INV-02",
    claim: "the journal only grows: what was written stays as it is, in its place",
    async check({ ledger, draws }) {
      await ledger.fund("acct:a", 10_000);
      await ledger.move("acct:a", "acct:b", draws.between(300, 5_000), "one");
      const before = (await ledger.journal()).map(toLine);
      await ledger.move("acct:b", "acct:a", draws.between(1, 300), "two");
      await ledger.move("acct:a", "acct:b", draws.between(1, 1_000), "three");
      const now = (await ledger.journal()).map(toLine);
      assert.equal(now.length, before.length + 4);
      assert.deepEqual(now.slice(0, before.length), before);
    },
  },
  {
    id: "INV-03",
    claim:
      "each posting's hash covers all it says and the hash before it, from the first posting of a wallet to its last",
    async check({ ledger, draws }) {
      await ledger.fund("acct:a", 10_000);
      for (const i of count(5)) await ledger.move("acct:a", "acct:b", draws.between(1, 100), `move ${i}`);
      const chains = Map.groupBy(await ledger.journal(), ({ chain }) => chain);
      assert.ok(chains.size > 0);
      for (const entries of chains.values()) assertChain(entries);
    },
  },
  {
    id: "INV-04",
    claim: "a posting that is repeated changes nothing, and says that it was known",
    async check({ ledger, draws }) {
      await ledger.fund("acct:a", 10_000);
      const amount = draws.between(1, 10_000);
      const { transactionId } = await ledger.move("acct:a", "acct:b", amount, "once");
      const before = (await ledger.journal()).map(toLine);
      assert.deepEqual(await ledger.move("acct:a", "acct:b", amount, "once"), {
        ...{ status: "DUPLICATE", transactionId, reason: null },
      });
      assert.deepEqual((await ledger.journal()).map(toLine), before);
      assert.equal(await ledger.balance("acct:b"), amount);
      // Its key is not to be had for anything else.
      assert.equal((await ledger.move("acct:a", "acct:c", amount, "once")).status, "REJECTED");
    },
  },
  {
    id: "INV-05",
    claim: "of repeats that come at once exactly one is applied, and the others name it",
    async check({ ledger, draws, some }) {
      await ledger.fund("acct:a", 100_000);
      const amount = draws.between(1, 1_000);
      const answers = await atOnce(some(64), () => ledger.move("acct:a", "acct:b", amount, "race"));
      const [applied, ...more] = answers.filter(({ status }) => status === "APPLIED");
      assert.ok(applied && more.length === 0);
      for (const { status, transactionId } of answers) {
        assert.ok(status !== "REJECTED");
        assert.equal(transactionId, applied.transactionId);
      }
      assert.equal(await ledger.balance("acct:b"), amount);
    },
  },
  {
    id: "INV-06",
    claim: "no update of a hot account is lost",
    async check({ ledger, draws, some }) {
      const amounts = count(some(500)).map(() => draws.between(1, 1_000));
      const answers = await atOnce(amounts.length, (i) =>
        ledger.move(outside, "acct:hot", amounts[i] ?? 0, `hot ${i}`),
      );
      assert.ok(answers.every(({ status }) => status === "APPLIED"));
      assert.equal(
        await ledger.balance("acct:hot"),
        amounts.reduce((sum, amount) => sum + amount, 0),
      );
    },
  },
  {
    id: "INV-07",
    claim: "money that is moved about by many at once stays the same amount",
    async check(trial) {
      const accounts = count(8).map((i) => `acct:${i}`);
      const total = await shuffleMoney(trial, accounts, trial.some(400));
      const balances = await Promise.all(accounts.map((account) => trial.ledger.balance(account)));
      assert.equal(
        balances.reduce((sum, balance) => sum + balance, 0),
        total,
      );
    },
  },
  {
    id: "INV-08",
    claim: "each balance is what its entries come to",
    async check(trial) {
      const accounts = ["acct:a", "acct:b"];
      await shuffleMoney(trial, accounts, trial.some(200));
      const journal = await trial.ledger.journal();
      for (const account of [...accounts, outside]) {
        assert.equal(await trial.ledger.balance(account), replay(journal, account), account);
      }
    },
  },
  {
    id: "INV-09",
    claim: "an account that many draw from at once gives exactly what it has",
    async check({ ledger, draws }) {
      const [amount, affordable] = [draws.between(1, 1_000), draws.between(5, 15)];
      await ledger.fund("acct:a", amount * affordable);
      const answers = await atOnce(20, (i) => ledger.move("acct:a", "acct:b", amount, `drain ${i}`));
      assert.equal(answers.filter(({ status }) => status === "APPLIED").length, affordable);
      assert.equal(answers.filter(({ status }) => status === "REJECTED").length, 20 - affordable);
      assert.deepEqual([await ledger.balance("acct:a"), await ledger.balance("acct:b")], [0, amount * affordable]);
    },
  },
  {
    id: "INV-10",
    claim: "many small amounts add up exactly",
    async check({ ledger, draws, some }) {
      const start = draws.between(1_000, 2 ** 40);
      await ledger.fund("acct:a", start);
      const moves = some(1_000);
      for (const i of count(moves)) await ledger.move("acct:a", "acct:b", 1, `nano ${i}`);
      assert.deepEqual([await ledger.balance("acct:a"), await ledger.balance("acct:b")], [start - moves, moves]);
    },
  },
  {
    id: "INV-11",
    claim: "a posting that mixes currencies is refused",
    async check({ ledger, draws }) {
      await ledger.fund("acct:a", 10_000);
      const before = (await ledger.journal()).map(toLine);
      const amount = draws.between(1, 10_000);
      const mixed = [legOf("acct:a", "DEBIT", amount), legOf("acct:b", "CREDIT", amount, "EUR")];
      for (const legs of [mixed, mixed.toReversed()])
        assert.equal((await ledger.post("mixed", legs)).status, "REJECTED");
      assert.deepEqual((await ledger.journal()).map(toLine), before);
      assert.deepEqual([await ledger.balance("acct:a"), await ledger.balance("acct:b", "EUR")], [10_000, 0]);
    },
  },
  {
    id: "INV-12",
    claim: "what is taken back is a posting of its own beside the first",
    async check({ ledger, draws }) {
      await ledger.fund("acct:a", 10_000);
      const amount = draws.between(1, 10_000);
      await ledger.move("acct:a", "acct:b", amount, "first");
      const before = (await ledger.journal()).map(toLine);
      await ledger.move("acct:b", "acct:a", amount, "back");
      const now = (await ledger.journal()).map(toLine);
      assert.deepEqual(now.slice(0, before.length), before);
      assert.equal(now.length, before.length + 2);
      assert.deepEqual([await ledger.balance("acct:a"), await ledger.balance("acct:b")], [10_000, 0]);
    },
  },
  {
    id: "INV-13",
    claim: "balances that were lost are derived from the journal as they were",
    async check(trial) {
      const accounts = count(6).map((i) => `acct:${i}`);
      await shuffleMoney(trial, accounts, trial.some(300));
      const read = () => Promise.all(accounts.map((account) => trial.ledger.balance(account)));
      const before = await read();
      const journal = await trial.ledger.journal();
      assert.deepEqual(
        accounts.map((account) => replay(journal, account)),
        before,
      );
      await trial.rebuild();
      assert.deepEqual(await read(), before);
    },
  },
  {
    id: "INV-14",
    claim: "each account's entries are in one order, and each wallet's chain has no gap",
    async check({ ledger, draws, some }) {
      await ledger.fund("acct:a", 100_000);
      await atOnce(some(150), (i) => ledger.move("acct:a", outside, draws.between(1, 100), `move ${i}`));
      const journal = await ledger.journal();
      for (const [account, entries] of Map.groupBy(journal, (entry) => entry.accountId)) {
        const order = entries.map(({ accountSequence }) => accountSequence);
        assert.deepEqual(
          order,
          count(order.length).map((i) => i + 1),
          account,
        );
      }
      const own = journal.filter(({ accountId }) => accountId === "acct:a");
      assert.equal(own.length, some(150) + 1);
      for (const { accountSequence, chainSequence } of own) assert.equal(accountSequence, chainSequence);
    },
  },
  {
    id: "INV-15",
    claim: "nobody is told that a refused posting was applied, however many ask at once",
    async check({ ledger, draws, some }) {
      const balance = draws.between(1, 1_000);
      await ledger.fund("acct:a", balance);
      const before = (await ledger.journal()).map(toLine);
      const answers = await atOnce(some(32), () => ledger.move("acct:a", "acct:b", balance + 1, "too much"));
      assert.ok(answers.every(({ status }) => status === "REJECTED"));
      assert.deepEqual((await ledger.journal()).map(toLine), before);
      // Refused is not used up: with money there, the same key is good.
      await ledger.fund("acct:a", 1);
      assert.equal((await ledger.move("acct:a", "acct:b", balance + 1, "too much")).status, "APPLIED");
    },
  },
];

/** By the bytes alone, as docs/adr/0041 says them: nothing of billing's code. */
function assertChain(entries: readonly LedgerEntry[]): void {
  let previous = "";
  const postings = [...Map.groupBy(entries, ({ transactionId }) => transactionId).values()];
  for (const [i, posting] of postings.entries()) {
    const [first] = posting;
    assert.ok(first);
    const { chain, transactionId, kind, reference, currency, createdAtUs, prevHash, entryHash } = first;
    const lines = posting.toSorted((a, b) => (a.account < b.account ? -1 : 1));
    const fields = [
      ...[prevHash, chain, i + 1, transactionId, kind, reference, currency, createdAtUs],
      ...lines.flatMap((entry) => [entry.account, signed(entry)]),
    ];
    const bytes = fields.map((field) => `${Buffer.byteLength(`${field}`)}:${field},`).join("");
    assert.equal(prevHash, previous, transactionId);
    assert.equal(hash("sha256", bytes, "hex"), entryHash, transactionId);
    previous = entryHash;
  }
}
