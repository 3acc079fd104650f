import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { billing } from "../service.ts";
import { accounts } from "./accounts.ts";
import { type ChainedPosting, hashOf } from "./chain.ts";
import { createJournal } from "./journal.ts";
import { createJournalStore } from "./journal-store.ts";
import { move, type Posting } from "./posting.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, db, sql, random } = service;
const journal = createJournal(createJournalStore());

async function createTenant(balanceNanos: bigint): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "grant" });
  return tenantId;
}

const postingOf = (entries: Posting["entries"], reference = random.id("ref")): Posting => ({
  ...{ postingId: random.id("pst"), kind: "top_up", reference, currency: "USD", entries },
});

const moneyOf = async (tenantId: string) => (await ops.getBalance({ tenantId })).balanceNanos;

interface Row extends Record<string, unknown> {
  readonly chain: string;
  readonly hash: string;
}

/** Each chain from its first posting on, with what its hashes come to when they are computed anew. */
async function readChains(schema: string) {
  const rows = await sql<Row[]>`
    select chain, sequence, posting_id as "postingId", kind, reference, currency, hash,
      (extract(epoch from created_at) * 1000000)::bigint as "createdAtUs",
      (select jsonb_agg(jsonb_build_object('account', account, 'amountNanos', amount_nanos::text))
        from ${sql(schema)}.entry where entry.posting_id = posting.posting_id) as entries
    from ${sql(schema)}.posting order by chain, posting.sequence`;
  const heads = new Map<string, string>();
  return rows.map((row) => {
    const expected = hashOf(row as unknown as ChainedPosting, heads.get(row.chain) ?? "");
    heads.set(row.chain, row.hash);
    return { chain: row.chain, sequence: Number(row["sequence"]), hash: row.hash, expected };
  });
}

test("every posting follows the one before it in its wallet's chain, and the wallet keeps the head", async () => {
  const tenantId = await createTenant(1_000n);
  const { walletId } = await ops.getBalance({ tenantId });
  await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      ops.topUpWallet({ tenantId, amountNanos: 7n, reference: `r${i}`, source: "manual" }),
    ),
  );
  const chain = (await readChains("billing")).filter((row) => row.chain === walletId);
  assert.deepEqual(
    chain.map(({ sequence }) => sequence),
    Array.from({ length: 11 }, (_, i) => i + 1),
  );
  for (const { hash, expected } of chain) assert.equal(hash, expected);
  const [head] = await sql`select journal_sequence, journal_hash from wallet where wallet_id = ${walletId}`;
  assert.deepEqual({ ...head }, { journal_sequence: "11", journal_hash: chain.at(-1)?.hash });
});

test("one posting moves money between several wallets and accounts, and stands in one chain", async () => {
  const [a, b] = [await createTenant(100n), await createTenant(100n)];
  await db.transaction(async (tx) => {
    const locked = await journal.lockWallets(tx, [a, b], "USD");
    const [of, to] = [locked.find(({ tenantId }) => tenantId === a), locked.find(({ tenantId }) => tenantId === b)];
    assert.ok(of && to);
    const entries = [
      { account: accounts.wallet(of.walletId), amountNanos: -30n },
      { account: accounts.wallet(to.walletId), amountNanos: 20n },
      { account: accounts.revenue, amountNanos: 10n },
    ];
    await journal.post(tx, locked, [postingOf(entries)]);
  });
  assert.deepEqual([await moneyOf(a), await moneyOf(b)], [70n, 120n]);
  await assertIntegrity(ops);
});

test("postings that touch no wallet have a chain of their own", async () => {
  await Promise.all(
    Array.from({ length: 5 }, () =>
      db.transaction((tx) => journal.post(tx, [], [postingOf(move(accounts.revenue, accounts.grants, 3n))])),
    ),
  );
  const chain = (await readChains("billing")).filter((row) => row.chain === "platform");
  assert.equal(chain.at(-1)?.sequence, 5);
  for (const { hash, expected } of chain) assert.equal(hash, expected);
});

test("money that moves without a posting, or of a wallet that is not locked, is refused before anything is written", async () => {
  const tenantId = await createTenant(100n);
  const attempt = (work: Parameters<typeof db.transaction>[0]) => db.transaction(work);
  await assert.rejects(
    attempt(async (tx) => {
      const before = await journal.lockWallets(tx, [tenantId], "USD");
      const after = before.map((wallet) => ({ ...wallet, balanceNanos: wallet.balanceNanos + 1n }));
      await journal.write(tx, { before, after, postings: [] });
    }),
    /moved by 1 nanos, its postings by 0/,
  );
  const entries = move(accounts.wallet("wal_unlocked"), accounts.revenue, 1n);
  await assert.rejects(
    attempt((tx) => journal.post(tx, [], [postingOf(entries)])),
    /wallet:wal_unlocked, which is not locked/,
  );
  assert.equal(await moneyOf(tenantId), 100n);
});

test("a chain cannot be forked: its places are unique", async () => {
  const tenantId = await createTenant(100n);
  const { walletId } = await ops.getBalance({ tenantId });
  await assert.rejects(
    sql`
      insert into posting (posting_id, kind, reference, currency, chain, sequence, hash)
      values ('pst_fork', 'charge', 'fork', 'USD', ${walletId}, 1, 'x')`,
    /posting_chain_key/,
  );
});

test("the migration chains what was posted before it, as the program would have", async () => {
  const read = (name: string) => readFile(new URL(`../migrations/${name}.sql`, import.meta.url), "utf8");
  await sql.begin(async (tx) => {
    await tx`create schema filled`;
    await tx`set local search_path to filled`;
    for (const name of ["0001_ledger", "0002_idempotency", "0003_usage_hour", "0004_lease"]) {
      await tx.unsafe(await read(name));
    }
    await tx`insert into wallet (wallet_id, tenant_id, currency, balance_nanos) values ('wal_a', 'a', 'USD', 8), ('wal_b', 'b', 'USD', 0)`;
    await tx`
      insert into posting (posting_id, kind, reference, currency, created_at) values
        ('pst_3', 'charge', 'call_1', 'USD', '2026-01-03 00:00:00.000001Z'), ('pst_1', 'top_up', 'größer', 'USD', '2026-01-01Z'),
        ('pst_2', 'usage', 'pst_2', 'USD', '2026-01-02Z'), ('pst_0', 'charge', 'x', 'USD', '2026-01-02Z')`;
    await tx`
      insert into entry values ('pst_1', 'funding:manual', -10), ('pst_1', 'wallet:wal_a', 10), ('pst_2', 'wallet:wal_a', -1),
        ('pst_2', 'revenue', 1), ('pst_3', 'wallet:wal_a', -1), ('pst_3', 'revenue', 1), ('pst_0', 'revenue', -1),
        ('pst_0', 'funding:grant', 1)`;
    await tx.unsafe(await read("0005_journal_chain"));
  });
  const chains = await readChains("filled");
  assert.deepEqual(
    chains.map(({ chain, sequence }) => [chain, sequence]),
    [
      ["platform", 1],
      ["wal_a", 1],
      ["wal_a", 2],
      ["wal_a", 3],
    ],
  );
  for (const { hash, expected } of chains) assert.equal(hash, expected);
  const heads = await sql`
    select journal_sequence::int as at, journal_hash as hash from filled.wallet order by wallet_id`;
  assert.deepEqual(
    heads.map((head) => ({ ...head })),
    [
      { at: 3, hash: chains.at(-1)?.hash },
      { at: 0, hash: "" },
    ],
  );
});
