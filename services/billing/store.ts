import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Hold, NewPrice, Price, Rates, Usage, UsageRow, Wallet } from "./model.ts";

/** A row goes to SQL as JSON; bigints travel as strings, which PostgreSQL reads back exactly. */
export function toJson(rows: readonly object[]): string {
  return JSON.stringify(rows, (_key, value) => (typeof value === "bigint" ? value.toString() : value));
}

/** Names a price from a tenant's point of view. */
export interface PriceName {
  readonly tenantId: string;
  readonly provider: string;
  readonly model: string;
}

/** A page of usage, newest first. */
export interface UsagePage {
  readonly tenantId: string;
  readonly limit: number;
  /** Where the page before ended. */
  readonly after: { readonly createdAt: string; readonly callId: string } | undefined;
  readonly keyId: string | undefined;
  readonly model: string | undefined;
}

/** Billing's SQL. One method, one statement. */
export function createBillingStore(sql: Sql) {
  const walletColumns = (db: Sql | Tx) => db`
    wallet_id as "walletId", tenant_id as "tenantId", currency,
    balance_nanos as "balanceNanos", held_nanos as "heldNanos"`;
  const rateColumns = (db: Sql | Tx) => db`
    input_nanos_per_million as "inputNanosPerMillion",
    cached_input_nanos_per_million as "cachedInputNanosPerMillion",
    output_nanos_per_million as "outputNanosPerMillion"`;
  const ratesOf = (tx: Tx, priceId: ReturnType<Tx>) => tx`
    select ${rateColumns(tx)} from price where price.price_id = ${priceId}`;
  const priceColumns = (db: Sql | Tx) => db`
    price_id as "priceId", tenant_id as "tenantId", provider, model, version, currency, created_at as "createdAt", ${rateColumns(db)}`;
  const callColumns = (db: Sql | Tx) => db`
    call_id as "callId", wallet_id as "walletId", tenant_id as "tenantId", request_id as "requestId",
    key_id as "keyId", user_id as "userId", provider, model, price_id as "priceId"`;
  const usageColumns = (db: Sql | Tx) => db`
    ${callColumns(db)}, outcome, input_tokens as "inputTokens", cached_input_tokens as "cachedInputTokens",
    output_tokens as "outputTokens", is_estimated as "isEstimated", cost_nanos as "costNanos",
    uncollected_nanos as "uncollectedNanos", latency_ms as "latencyMs", posting_id as "postingId"`;

  return {
    async createWallet(tx: Tx, wallet: { walletId: string; tenantId: string; currency: string }): Promise<void> {
      await tx`
        insert into wallet (wallet_id, tenant_id, currency)
        values (${wallet.walletId}, ${wallet.tenantId}, ${wallet.currency})
        on conflict (tenant_id, currency) do nothing`;
    },

    async findWallet(tenantId: string, currency: string): Promise<Wallet | undefined> {
      const [wallet] = await sql<Wallet[]>`
        select ${walletColumns(sql)} from wallet where tenant_id = ${tenantId} and currency = ${currency}`;
      return wallet;
    },

    /** As they are at the moment, without a lock. */
    listWallets(tx: Tx, tenantIds: readonly string[], currency: string): Promise<Wallet[]> {
      return tx<Wallet[]>`
        select ${walletColumns(tx)} from wallet where tenant_id = any(${tenantIds}) and currency = ${currency}`;
    },

    /** The newest version of each named price: the tenant's own where it has one, else the one that holds for all. */
    findPrices(tx: Tx, names: readonly PriceName[]): Promise<(Price & { forTenantId: string })[]> {
      return tx<(Price & { forTenantId: string })[]>`
        select r."tenantId" as "forTenantId", p.* from (
          select distinct "tenantId", provider, model
          from jsonb_to_recordset(${toJson(names)}::text::jsonb) as r("tenantId" text, provider text, model text)
        ) r cross join lateral (
          select ${priceColumns(tx)} from price
          where price.provider = r.provider and price.model = r.model and price.tenant_id in ('', r."tenantId")
          order by price.tenant_id desc, version desc limit 1
        ) p`;
    },

    /** The current version of each price that holds for a tenant or for all. */
    listPrices(tenantId: string, provider: string | undefined): Promise<Price[]> {
      return sql<Price[]>`
        select distinct on (provider, model) ${priceColumns(sql)} from price
        where tenant_id in ('', ${tenantId}) and (${provider ?? null}::text is null or provider = ${provider ?? null})
        order by provider, model, tenant_id desc, version desc limit 5000`;
    },

    async insertPrices(tx: Tx, prices: readonly NewPrice[]): Promise<void> {
      await tx`
        insert into price (price_id, tenant_id, provider, model, version, currency, input_nanos_per_million,
          cached_input_nanos_per_million, output_nanos_per_million)
        select "priceId", "tenantId", provider, model, version, currency, "inputNanosPerMillion",
          "cachedInputNanosPerMillion", "outputNanosPerMillion"
        from jsonb_to_recordset(${toJson(prices)}::text::jsonb) as r("priceId" text, "tenantId" text, provider text, model text,
          version integer, currency text, "inputNanosPerMillion" bigint, "cachedInputNanosPerMillion" bigint,
          "outputNanosPerMillion" bigint)`;
    },

    /** Keeps two writers of the price book from choosing the same version. Released with the transaction. */
    async lockPriceBook(tx: Tx): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('billing.price'))`;
    },

    /** Open holds with the rates at which they were taken. */
    findHolds(tx: Tx, callIds: readonly string[]): Promise<(Hold & Rates & { isExpired: boolean })[]> {
      return tx<(Hold & Rates & { isExpired: boolean })[]>`
        select ${callColumns(tx)}, amount_nanos as "amountNanos", output_tokens as "outputTokens",
          rates.*, expires_at < now() as "isExpired"
        from hold cross join lateral (${ratesOf(tx, tx`hold.price_id`)}) rates where call_id = any(${callIds})`;
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

    findPricesById(tx: Tx, priceIds: readonly string[]): Promise<Price[]> {
      return tx<Price[]>`select ${priceColumns(tx)} from price where price_id = any(${priceIds as string[]})`;
    },

    /** Recorded calls with the rates at which they were charged. */
    findUsage(tx: Tx, callIds: readonly string[]): Promise<(Usage & Rates)[]> {
      return tx<(Usage & Rates)[]>`
        select ${usageColumns(tx)}, rates.*
        from usage cross join lateral (${ratesOf(tx, tx`usage.price_id`)}) rates
        where call_id = any(${callIds})`;
    },

    /** A row that was written when its node went missing gives way to what the node says later. */
    async putUsage(tx: Tx, rows: readonly Usage[]): Promise<void> {
      await tx`
        insert into usage (call_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model, price_id, outcome,
          input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos, latency_ms, posting_id)
        select "callId", "walletId", "tenantId", "requestId", "keyId", "userId", provider, model, "priceId", outcome,
          "inputTokens", "cachedInputTokens", "outputTokens", "isEstimated", "costNanos", "uncollectedNanos", "latencyMs",
          "postingId"
        from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("callId" text, "walletId" text, "tenantId" text,
          "requestId" text, "keyId" text, "userId" text, provider text, model text, "priceId" text, outcome text,
          "inputTokens" bigint, "cachedInputTokens" bigint, "outputTokens" bigint, "isEstimated" boolean,
          "costNanos" bigint, "uncollectedNanos" bigint, "latencyMs" bigint, "postingId" text)
        on conflict (call_id, attempt) do update set outcome = excluded.outcome, input_tokens = excluded.input_tokens,
          cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
          is_estimated = excluded.is_estimated, cost_nanos = excluded.cost_nanos,
          uncollected_nanos = excluded.uncollected_nanos, latency_ms = excluded.latency_ms,
          posting_id = excluded.posting_id
        where usage.outcome = 'lost'`;
    },

    listUsage(page: UsagePage): Promise<UsageRow[]> {
      const { after } = page;
      return sql<UsageRow[]>`
        select ${usageColumns(sql)}, created_at as "createdAt", created_at::text as position from usage
        where tenant_id = ${page.tenantId}
          and (${after === undefined} or (created_at, call_id) < (${after?.createdAt ?? null}::text::timestamptz, ${after?.callId ?? null}))
          and (${page.keyId ?? null}::text is null or key_id = ${page.keyId ?? null})
          and (${page.model ?? null}::text is null or model = ${page.model ?? null})
        order by created_at desc, call_id desc limit ${page.limit}`;
    },

    /** Every wallet beside what its entries, and its holds and leases, add up to, where the two differ. */
    listImbalances(): Promise<Imbalance[]> {
      return sql<Imbalance[]>`
        select wallet_id as "walletId", balance_nanos as "balanceNanos", coalesce(journal, 0)::bigint as "journalNanos",
          held_nanos as "heldNanos", coalesce(holds, 0)::bigint as "holdNanos"
        from wallet
        left join lateral (select sum(amount_nanos) as journal from entry where account = 'wallet:' || wallet_id) j on true
        left join lateral (
          select sum(amount_nanos) as holds from (
            select amount_nanos from hold where hold.wallet_id = wallet.wallet_id
            union all select amount_nanos from lease where lease.wallet_id = wallet.wallet_id
          ) as held
        ) h on true
        where balance_nanos <> coalesce(journal, 0) or held_nanos <> coalesce(holds, 0)`;
    },
  };
}

export interface Imbalance {
  readonly walletId: string;
  readonly balanceNanos: bigint;
  readonly journalNanos: bigint;
  readonly heldNanos: bigint;
  readonly holdNanos: bigint;
}

export type BillingStore = ReturnType<typeof createBillingStore>;
