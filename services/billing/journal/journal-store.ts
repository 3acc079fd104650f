import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Wallet } from "../model.ts";
import { toJson } from "../to-json.ts";
import type { ChainedPosting, ChainHead, LockedWallet } from "./chain.ts";
import type { Posting } from "./posting.ts";

type LockedChain = ChainHead & { readonly lockedAtUs: bigint };

/** The SQL of the journal. One method, one statement. */
export function createJournalStore() {
  const headColumns = (db: Sql | Tx) => db`
    journal_sequence as "journalSequence", journal_hash as "journalHash",
    (extract(epoch from now()) * 1000000)::bigint as "lockedAtUs"`;

  return {
    /** Locks in one order everywhere. */
    lockWallets(tx: Tx, tenantIds: readonly string[], currency: string): Promise<LockedWallet[]> {
      return tx<LockedWallet[]>`
        select wallet_id as "walletId", tenant_id as "tenantId", currency, balance_nanos as "balanceNanos",
          held_nanos as "heldNanos", credit_limit_nanos as "creditLimitNanos", ${headColumns(tx)}
        from wallet where tenant_id = any(${tenantIds as string[]}) and currency = ${currency}
        order by wallet_id for update`;
    },

    /** `spendingNanos` is what calls have cost a wallet with this. */
    async updateWallets(
      tx: Tx,
      wallets: readonly (Wallet & ChainHead & { readonly spendingNanos: bigint })[],
    ): Promise<void> {
      await tx`
        update wallet set balance_nanos = r."balanceNanos", held_nanos = r."heldNanos",
          spent_nanos = spent_nanos + r."spendingNanos", journal_sequence = r."journalSequence", journal_hash = r."journalHash"
        from jsonb_to_recordset(${toJson(wallets)}::text::jsonb) as r("walletId" text, "balanceNanos" bigint,
          "heldNanos" bigint, "spendingNanos" bigint, "journalSequence" bigint, "journalHash" text)
        where wallet_id = r."walletId"`;
    },

    /** Locked after the wallets. */
    async lockPlatformChain(tx: Tx): Promise<LockedChain> {
      const [head] = await tx<LockedChain[]>`select ${headColumns(tx)} from platform_chain for update`;
      if (!head) throw new Error("the row of the platform's chain is missing");
      return head;
    },

    async updatePlatformChain(tx: Tx, { journalSequence, journalHash }: ChainHead): Promise<void> {
      await tx`
        update platform_chain set journal_sequence = ${journalSequence}, journal_hash = ${journalHash}`;
    },

    async findPosting(tx: Tx, { kind, reference }: Pick<Posting, "kind" | "reference">): Promise<Posting | undefined> {
      const lines = await tx<(Omit<Posting, "entries"> & Posting["entries"][number])[]>`
        select posting_id as "postingId", kind, reference, currency, account, amount_nanos as "amountNanos"
        from posting join entry using (posting_id) where kind = ${kind} and reference = ${reference}`;
      const [line] = lines;
      if (!line) return undefined;
      const entries = lines.map(({ account, amountNanos }) => ({ account, amountNanos }));
      return { postingId: line.postingId, kind, reference, currency: line.currency, entries };
    },

    async insertPostings(tx: Tx, postings: readonly ChainedPosting[]): Promise<void> {
      const entries = postings.flatMap(({ postingId, entries: lines }) =>
        lines.map((line) => ({ postingId, ...line })),
      );
      const rows = postings.map(({ entries: _, ...row }) => row);
      await tx`
        with posted as (
          insert into posting (posting_id, kind, reference, currency, chain, sequence, hash, created_at)
          select "postingId", kind, reference, currency, chain, sequence, hash, now()
          from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("postingId" text, kind text, reference text,
            currency text, chain text, sequence bigint, hash text)
        )
        insert into entry (posting_id, account, amount_nanos)
        select "postingId", account, "amountNanos"
        from jsonb_to_recordset(${toJson(entries)}::text::jsonb) as e("postingId" text, account text, "amountNanos" bigint)`;
    },
  };
}

export type JournalStore = ReturnType<typeof createJournalStore>;
