import type { postgres } from "@lyss/kit/db/driver.ts";

export type SuperuserSql = ReturnType<typeof postgres>;

/** An entry as the kit wants it, and what a hash of ours covers besides. */
export interface LedgerEntry {
  readonly entryId: string;
  readonly transactionId: string;
  readonly accountId: string;
  readonly type: "DEBIT" | "CREDIT";
  readonly amountSubunits: number;
  readonly currency: string;
  /** Place in the journal, from 1. */
  readonly sequence: number;
  /** Place among its account's entries, from 1. */
  readonly accountSequence: number;
  /** Of the posting before in its wallet's chain, and of its own: all entries of a posting share them. */
  readonly prevHash: string;
  readonly entryHash: string;
  readonly chain: string;
  readonly chainSequence: number;
  readonly kind: string;
  readonly reference: string;
  readonly createdAtUs: number;
  /** As it stands in our books. */
  readonly account: string;
}

interface Row {
  readonly postingId: string;
  readonly chain: string;
  readonly chainSequence: number;
  readonly hash: string;
  readonly kind: string;
  readonly reference: string;
  readonly currency: string;
  readonly createdAtUs: number;
  readonly account: string;
  readonly amountNanos: number;
  readonly tenantId: string | null;
}

/**
 * Every entry, at one moment. Each chain is in its own order, which is that of the commits, for a posting waits for its wallet;
 * chains are merged by the time at which their transactions began. Postings of one after the other never change places.
 */
export async function readJournal(sql: SuperuserSql): Promise<readonly LedgerEntry[]> {
  const rows = await sql<Row[]>`
    select posting_id as "postingId", chain, posting.sequence::int as "chainSequence", hash, kind, reference, posting.currency,
      (extract(epoch from posting.created_at) * 1000000)::float8 as "createdAtUs", account, amount_nanos::float8 as "amountNanos",
      tenant_id as "tenantId"
    from posting join entry using (posting_id) left join wallet on account = 'wallet:' || wallet_id
    order by chain, posting.sequence, account`;
  const chains = new Map<string, { timeUs: number; hash: string; previousHash: string; postingId: string }>();
  const placed = rows.map((row) => {
    const last = chains.get(row.chain) ?? { timeUs: 0, hash: "", previousHash: "", postingId: "" };
    const isNext = last.postingId !== row.postingId;
    const previousHash = isNext ? last.hash : last.previousHash;
    const timeUs = Math.max(last.timeUs, row.createdAtUs);
    chains.set(row.chain, { timeUs, hash: row.hash, previousHash, postingId: row.postingId });
    return { row, timeUs, previousHash };
  });
  const counts = new Map<string, number>();
  return placed
    .toSorted((a, b) => a.timeUs - b.timeUs)
    .map(({ row, previousHash }, i) => {
      const { postingId, account, amountNanos, tenantId, hash, ...said } = row;
      const accountSequence = (counts.get(account) ?? 0) + 1;
      counts.set(account, accountSequence);
      return {
        ...{ entryId: `${postingId}/${account}`, transactionId: postingId, accountId: tenantId ?? account, account },
        type: amountNanos > 0 ? "CREDIT" : "DEBIT",
        ...{ amountSubunits: Math.abs(amountNanos), sequence: i + 1, accountSequence },
        ...{ prevHash: previousHash, entryHash: hash, ...said },
      };
    });
}
