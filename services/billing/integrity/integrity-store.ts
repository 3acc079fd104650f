import type { Tx } from "@lyss/kit/db/database.ts";
import type { ChainedPosting, ChainHead } from "../journal/chain.ts";
import type { Tokens, Usage } from "../model.ts";
import { fromOtherBucketsJson, type OtherBucketsJson } from "../prices/terms-json.ts";
import type { BalanceDifference, BudgetDifference } from "./finding.ts";

/** A wallet with what its row should say. */
export interface CheckedWallet extends ChainHead, BalanceDifference {
  readonly creditLimitNanos: bigint;
  /** What the account of the credit line has lent. */
  readonly lentNanos: bigint;
}

export type StoredPosting = Omit<ChainedPosting, "entries"> & { readonly entries: readonly StoredEntry[] | null };

/** As it comes in JSON. */
interface StoredEntry {
  readonly account: string;
  readonly amountNanos: string;
}

/** A recorded call, as far as its cost goes. */
export interface CheckedUsage extends Tokens, Pick<Usage, "serviceMode"> {
  readonly callId: string;
  readonly walletId: string;
  readonly priceId: string;
  readonly costNanos: bigint;
  readonly uncollectedNanos: bigint;
  /** Null for calls of before this was recorded, at prices that do not ask for it. */
  readonly startedAt: Date | null;
}

type UsageColumns = Omit<CheckedUsage, "otherBuckets" | "serviceMode"> & {
  readonly otherBuckets: OtherBucketsJson;
  readonly serviceMode: CheckedUsage["serviceMode"] | null;
};

export interface UsageDifference {
  readonly postingId: string;
  readonly chargedNanos: bigint;
  readonly usedNanos: bigint;
}

export interface TwiceCharged {
  readonly callId: string;
  readonly walletId: string;
  readonly attempts: number;
  readonly costNanos: bigint;
}

const rowsPerFetch = 1_000;
/** How long after a call began its node may still have posted it. */
const lateDays = 30;
/** A wallet may have millions of postings, and nobody waits for this. */
const statementTimeoutMs = 600_000;

/** The SQL of looking at everything. One method, one statement. */
export function createIntegrityStore(rowsAtOnce = rowsPerFetch) {
  const walletColumns = (tx: Tx) => tx`
    wallet_id as "walletId", tenant_id as "tenantId", balance_nanos as "balanceNanos", held_nanos as "heldNanos",
    coalesce((select sum(amount_nanos) from entry where account = 'wallet:' || wallet_id), 0)::bigint as "journalNanos",
    (coalesce((select sum(amount_nanos) from hold where hold.wallet_id = wallet.wallet_id), 0)
      + coalesce((select sum(amount_nanos) from lease where lease.wallet_id = wallet.wallet_id and amount_nanos > 0), 0)
    )::bigint as "openNanos",
    credit_limit_nanos as "creditLimitNanos",
    -coalesce((select sum(amount_nanos) from entry where account = 'overdraft:' || wallet_id), 0)::bigint as "lentNanos",
    journal_sequence as "journalSequence", journal_hash as "journalHash"`;

  return {
    /** The first statement of its transaction: what follows sees one moment, and may take its time. */
    async beginSnapshot(tx: Tx): Promise<void> {
      await tx`set transaction isolation level repeatable read, read only`;
    },

    async liftStatementTimeout(tx: Tx): Promise<void> {
      await tx`select set_config('statement_timeout', ${`${statementTimeoutMs}`}, true),
        set_config('idle_in_transaction_session_timeout', ${`${statementTimeoutMs}`}, true)`;
    },

    /** By id, after the given one. */
    listWallets(tx: Tx, afterWalletId: string, limit: number): Promise<CheckedWallet[]> {
      return tx<CheckedWallet[]>`
        select ${walletColumns(tx)} from wallet where wallet_id > ${afterWalletId} order by wallet_id limit ${limit}`;
    },

    async findPlatformHead(tx: Tx): Promise<ChainHead> {
      const [head] = await tx<ChainHead[]>`
        select journal_sequence as "journalSequence", journal_hash as "journalHash" from platform_chain`;
      return head ?? { journalSequence: 0n, journalHash: "" };
    },

    /** Postings of these chains with their entries, chain by chain and in order, some at a time. */
    readPostings(tx: Tx, chains: readonly string[]): AsyncIterable<StoredPosting[]> {
      return tx<StoredPosting[]>`
        select chain, sequence, hash, posting_id as "postingId", kind, reference, currency,
          (extract(epoch from created_at) * 1000000)::bigint as "createdAtUs",
          (select jsonb_agg(jsonb_build_object('account', account, 'amountNanos', amount_nanos::text))
            from entry where entry.posting_id = posting.posting_id) as entries
        from posting where chain = any(${chains as string[]}) order by chain, sequence`.cursor(rowsAtOnce);
    },

    /**
     * Recorded calls of these tenants, some at a time. By a cursor of the server's: between two parts of it the transaction is free for
     * other statements, which behind a cursor of the driver's would wait for ever.
     */
    async *readUsage(tx: Tx, tenantIds: readonly string[]): AsyncIterable<CheckedUsage[]> {
      await tx`
        declare checked_usage no scroll cursor for
        select call_id as "callId", wallet_id as "walletId", price_id as "priceId", cost_nanos as "costNanos",
          uncollected_nanos as "uncollectedNanos", input_tokens as "inputTokens",
          cached_input_tokens as "cachedInputTokens", output_tokens as "outputTokens",
          other_buckets as "otherBuckets", service_mode as "serviceMode", started_at as "startedAt"
        from usage where tenant_id = any(${tenantIds as string[]})`;
      for (;;) {
        const rows = await tx<UsageColumns[]>`fetch forward ${tx.unsafe(String(rowsAtOnce))} from checked_usage`;
        if (rows.length === 0) break;
        yield rows.map(({ otherBuckets, serviceMode, ...row }) => ({
          ...row,
          otherBuckets: fromOtherBucketsJson(otherBuckets),
          serviceMode: serviceMode ?? undefined,
        }));
      }
      await tx`close checked_usage`;
    },

    /**
     * Postings for calls that are not what the usage that names them comes to. Those of days whose usage was dropped, and of the
     * days after them in which it may still have been posted, are passed over.
     */
    listUsageDifferences(
      tx: Tx,
      { walletIds, tenantIds }: { readonly walletIds: readonly string[]; readonly tenantIds: readonly string[] },
    ): Promise<UsageDifference[]> {
      return tx<UsageDifference[]>`
        with used as (
          select posting_id, sum(cost_nanos) as nanos from usage
          where tenant_id = any(${tenantIds as string[]}) and cost_nanos > 0 group by posting_id
        ), charged as (
          select posting_id, posting.created_at, -sum(amount_nanos) as nanos from posting join entry using (posting_id)
          where chain = any(${walletIds as string[]}) and kind in ('charge', 'usage') and account = 'wallet:' || chain
          group by posting_id, posting.created_at
        )
        select posting_id as "postingId", coalesce(charged.nanos, 0)::bigint as "chargedNanos",
          coalesce(used.nanos, 0)::bigint as "usedNanos"
        from used full join charged using (posting_id)
        where coalesce(charged.nanos, 0) <> coalesce(used.nanos, 0)
          and (created_at is null or created_at >= (select kept_from + ${lateDays}::int from usage_retention))
        order by posting_id`;
    },

    /** Calls of these tenants that more than one attempt was charged for, but for an answer that broke off and the one that says that it goes on with it. */
    listTwiceCharged(tx: Tx, tenantIds: readonly string[]): Promise<TwiceCharged[]> {
      return tx<TwiceCharged[]>`
        select call_id as "callId", wallet_id as "walletId", count(*)::int as attempts, sum(cost_nanos)::bigint as "costNanos"
        from usage where tenant_id = any(${tenantIds as string[]}) and cost_nanos > 0
        group by call_id, wallet_id
        having count(*) > 1 and not (count(*) = 2
          and (array_agg(outcome order by attempt))[1] = 'truncated'
          and (array_agg(continues_attempt order by attempt))[2] is not distinct from min(attempt))
        order by call_id`;
    },

    /**
     * Budgets of these tenants in which something else is reserved than calls in flight and leases have set aside. What was set
     * aside in a period that is over counts in none, nor does that of a call or lease that has ended.
     */
    listDriftedBudgets(tx: Tx, tenantIds: readonly string[]): Promise<BudgetDifference[]> {
      return tx<BudgetDifference[]>`
        select budget_id as "budgetId", tenant_id as "tenantId", reserved_amount as reserved, held
        from budget cross join lateral (
          select coalesce(sum(amount), 0)::bigint as held from budget_hold
          where budget_hold.budget_id = budget.budget_id and budget_hold.window_starts_at = budget.window_starts_at
            and (exists (select from hold where call_id = holder_id) or exists (select from lease where lease_id = holder_id))
        ) as open
        where tenant_id = any(${tenantIds as string[]}) and reserved_amount <> held order by budget_id`;
    },

    /** Postings in chains that belong to no wallet, and entries that belong to no posting. */
    listStrays(tx: Tx, limit: number): Promise<{ kind: "posting" | "entry"; postingId: string; place: string }[]> {
      return tx<{ kind: "posting" | "entry"; postingId: string; place: string }[]>`
        (select 'posting' as kind, posting_id as "postingId", chain as place from posting
          where chain <> 'platform' and not exists (select from wallet where wallet_id = chain) limit ${limit})
        union all
        (select 'entry' as kind, posting_id as "postingId", account as place from entry
          where not exists (select from posting where posting.posting_id = entry.posting_id) limit ${limit})`;
    },

    /** What is read after this in a transaction of its own statement sees all that the locks waited for. */
    async lockWalletPage(tx: Tx, afterWalletId: string, limit: number): Promise<void> {
      await tx`
        select from wallet where wallet_id > ${afterWalletId} order by wallet_id limit ${limit} for update`;
    },

    /** The tenants' wallets are locked, as for every change of a budget. */
    async repairBudget(tx: Tx, { budgetId, held }: BudgetDifference): Promise<void> {
      await tx`
        update budget set reserved_amount = ${held} where budget_id = ${budgetId}`;
    },

    /** What calls and leases that have ended left behind in a budget. */
    async deleteStrayBudgetHolds(tx: Tx, budgetId: string): Promise<void> {
      await tx`
        delete from budget_hold
        where budget_id = ${budgetId} and not exists (select from hold where call_id = holder_id)
          and not exists (select from lease where lease_id = holder_id)`;
    },

    /** Writes what the journal, the holds and the leases say. */
    async repairWallet(tx: Tx, { walletId, journalNanos, openNanos }: BalanceDifference): Promise<void> {
      await tx`
        update wallet set balance_nanos = ${journalNanos}, held_nanos = ${openNanos} where wallet_id = ${walletId}`;
    },
  };
}

export type IntegrityStore = ReturnType<typeof createIntegrityStore>;
