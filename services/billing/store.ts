import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Hold, Usage, Wallet } from "./model.ts";
import type { CreditedWallet } from "./overdraft/overdraft.ts";
import { toJson } from "./to-json.ts";
import { fromUsageColumns, type UsageColumns, usageColumns } from "./usage/usage-store.ts";

/** Billing's SQL. One method, one statement. */
export function createBillingStore(sql: Sql) {
  const walletColumns = (db: Sql | Tx) => db`
    wallet_id as "walletId", tenant_id as "tenantId", currency,
    balance_nanos as "balanceNanos", held_nanos as "heldNanos", credit_limit_nanos as "creditLimitNanos"`;
  const callColumns = (db: Sql | Tx) => db`
    call_id as "callId", wallet_id as "walletId", tenant_id as "tenantId", request_id as "requestId",
    key_id as "keyId", user_id as "userId", provider, model, price_id as "priceId"`;

  /**
   * Planning opens every day of usage: a hundred milliseconds where a year of them is kept. PostgreSQL plans anew for each
   * array of calls as long as that seems cheaper than it was once, so for a session that has seen smaller days for ever. To
   * the end of the transaction it plans once for all values.
   */
  const planOnce = (tx: Tx) => tx`set local plan_cache_mode = force_generic_plan`;

  return {
    async createWallet(tx: Tx, wallet: { walletId: string; tenantId: string; currency: string }): Promise<void> {
      await tx`
        insert into wallet (wallet_id, tenant_id, currency)
        values (${wallet.walletId}, ${wallet.tenantId}, ${wallet.currency})
        on conflict (tenant_id, currency) do nothing`;
    },

    /** Only one through which nothing has ever gone. */
    async deleteUnusedWallet(tx: Tx, tenantId: string): Promise<void> {
      await tx`select delete_unused_wallet(${tenantId})`;
    },

    async findWallet(tenantId: string, currency: string): Promise<CreditedWallet | undefined> {
      const [wallet] = await sql<CreditedWallet[]>`
        select ${walletColumns(sql)} from wallet where tenant_id = ${tenantId} and currency = ${currency}`;
      return wallet;
    },

    /** As they are at the moment, without a lock. */
    listWallets(tx: Tx, tenantIds: readonly string[], currency: string): Promise<Wallet[]> {
      return tx<Wallet[]>`
        select ${walletColumns(tx)} from wallet where tenant_id = any(${tenantIds}) and currency = ${currency}`;
    },

    /** Open holds, and when each was taken. */
    findHolds(tx: Tx, callIds: readonly string[]): Promise<OpenHold[]> {
      return tx<OpenHold[]>`
        select ${callColumns(tx)}, amount_nanos as "amountNanos", output_tokens as "outputTokens",
          created_at as "createdAt", expires_at < now() as "isExpired"
        from hold where call_id = any(${callIds})`;
    },

    async insertHolds(tx: Tx, holds: readonly Hold[], ttlMs: number): Promise<void> {
      await tx`
        insert into hold (call_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model, price_id,
          amount_nanos, output_tokens, expires_at)
        select "callId", "walletId", "tenantId", "requestId", "keyId", "userId", provider, model, "priceId",
          "amountNanos", "outputTokens", now() + ${ttlMs}::float8 * interval '1 millisecond'
        from jsonb_to_recordset(${toJson(holds)}::text::jsonb) as r("callId" text, "walletId" text, "tenantId" text,
          "requestId" text, "keyId" text, "userId" text, provider text, model text, "priceId" text,
          "amountNanos" bigint, "outputTokens" bigint)`;
    },

    /** Target, price, amount and output as given; the rest of a hold does not change. */
    async changeHolds(tx: Tx, holds: readonly Hold[]): Promise<void> {
      await tx`
        update hold set provider = r.provider, model = r.model, price_id = r."priceId", amount_nanos = r."amountNanos",
          output_tokens = r."outputTokens"
        from jsonb_to_recordset(${toJson(holds)}::text::jsonb)
          as r("callId" text, provider text, model text, "priceId" text, "amountNanos" bigint, "outputTokens" bigint)
        where call_id = r."callId"`;
    },

    async deleteHolds(tx: Tx, callIds: readonly string[]): Promise<void> {
      await tx`
        delete from hold where call_id = any(${callIds})`;
    },

    async extendHolds(tx: Tx, callIds: readonly string[], ttlMs: number): Promise<number> {
      const result = await tx`
        update hold set expires_at = now() + ${ttlMs}::float8 * interval '1 millisecond'
        where call_id = any(${callIds})`;
      return result.count;
    },

    listExpiredHolds(limit: number): Promise<{ callId: string; tenantId: string }[]> {
      return sql<{ callId: string; tenantId: string }[]>`
        select call_id as "callId", tenant_id as "tenantId" from hold
        where expires_at < now() order by expires_at limit ${limit}`;
    },

    /** Looks into every day. */
    async findUsage(tx: Tx, callIds: readonly string[]): Promise<Usage[]> {
      const [, rows] = await Promise.all([
        planOnce(tx),
        tx<UsageColumns<Usage>[]>`select ${usageColumns(tx)} from usage where call_id = any(${callIds as string[]})`,
      ]);
      return rows.map(fromUsageColumns);
    },

    /**
     * Calls of the last two days, which are the only ones that may be asked for again. Those that are said to begin later than
     * tomorrow are none of them: days that are still to come are not looked into.
     */
    async findRecentUsage(tx: Tx, callIds: readonly string[]): Promise<Usage[]> {
      const [, rows] = await Promise.all([
        planOnce(tx),
        tx<UsageColumns<Usage>[]>`
          select ${usageColumns(tx)} from usage
          where call_id = any(${callIds as string[]})
            and started_at > now() - interval '2 days' and started_at < now() + interval '1 day'`,
      ]);
      return rows.map(fromUsageColumns);
    },

    /** A row that was written when its node went missing gives way to what the node says later. */
    async putUsage(tx: Tx, rows: readonly Usage[]): Promise<void> {
      await tx`
        insert into usage (call_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model, price_id, outcome,
          input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos, latency_ms, posting_id,
          other_buckets, service_mode, started_at, tags, attempt, is_streamed, first_token_ms, error)
        select "callId", "walletId", "tenantId", "requestId", "keyId", "userId", provider, model, "priceId", outcome,
          "inputTokens", "cachedInputTokens", "outputTokens", "isEstimated", "costNanos", "uncollectedNanos", "latencyMs",
          "postingId", "otherBuckets", "serviceMode", to_timestamp("startedAtMs" / 1000.0),
          string_to_array(nullif(tags, ''), ','), coalesce(r.attempt, 1), "isStreamed", "firstTokenMs", error
        from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("callId" text, "walletId" text, "tenantId" text,
          "requestId" text, "keyId" text, "userId" text, provider text, model text, "priceId" text, outcome text,
          "inputTokens" bigint, "cachedInputTokens" bigint, "outputTokens" bigint, "isEstimated" boolean,
          "costNanos" bigint, "uncollectedNanos" bigint, "latencyMs" bigint, "postingId" text,
          "otherBuckets" jsonb, "serviceMode" text, "startedAtMs" bigint, tags text, attempt smallint,
          "isStreamed" boolean, "firstTokenMs" integer, error text)
        on conflict (call_id, attempt, started_at) do update set outcome = excluded.outcome, input_tokens = excluded.input_tokens,
          cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
          is_estimated = excluded.is_estimated, cost_nanos = excluded.cost_nanos,
          uncollected_nanos = excluded.uncollected_nanos, latency_ms = excluded.latency_ms,
          posting_id = excluded.posting_id, other_buckets = excluded.other_buckets,
          service_mode = excluded.service_mode, tags = excluded.tags, is_streamed = excluded.is_streamed,
          first_token_ms = excluded.first_token_ms, error = excluded.error
        where usage.outcome = 'lost'`;
    },
  };
}

export interface OpenHold extends Hold {
  readonly createdAt: Date;
  readonly isExpired: boolean;
}

export type BillingStore = ReturnType<typeof createBillingStore>;
