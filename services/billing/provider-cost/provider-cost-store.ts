import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { AttemptName, Fact } from "../fact.ts";
import type { Outcome, Tokens } from "../model.ts";
import { fromOtherBucketsJson, type OtherBucketsJson } from "../prices/terms-json.ts";
import { toJson } from "../to-json.ts";
import { type CostPrice, fromRatesJson, type NewCostPrice, type RatesJson, toRatesJson } from "./provider-cost.ts";

export type ModelName = Pick<CostPrice, "provider" | "model">;

/** An attempt as it was recorded, and what reports have added. */
export interface AttemptRow extends Tokens, AttemptName, ModelName {
  readonly tenantId: string;
  readonly outcome: Outcome;
  readonly isCharged: boolean;
  readonly isEstimated: boolean;
  readonly startedAt: Date;
  readonly day: string;
  readonly costPriceId: string | null;
  readonly rates: RatesJson | null;
  readonly corrections: number;
  /** What the reports have added to the tokens and to the cost. */
  readonly addedInput: bigint;
  readonly addedCachedInput: bigint;
  readonly addedOutput: bigint;
  readonly addedNanos: bigint;
}

/** An attempt that failed before anything of an answer left, after which its call went on elsewhere. */
export type UnchargedAttempt = Pick<AttemptRow, "attempt" | "provider" | "model" | "outcome" | "startedAt">;

/** Attempts of a day and model that have the same price. */
export interface AttemptSum extends Tokens {
  readonly day: string;
  readonly model: string;
  readonly calls: bigint;
  readonly estimated: bigint;
  readonly rates: RatesJson | null;
  /** Of attempts without a price of which no report has said what they cost. */
  readonly unknown: bigint;
  /** What reports have added to the cost; all of it where there is no price. */
  readonly addedNanos: bigint;
}

/** The SQL of what providers cost. One method, one statement. */
export function createProviderCostStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    cost_price_id as "costPriceId", provider, model, version, currency, rates, created_at as "createdAt"`;
  const fromRow = (row: Omit<CostPrice, "rates"> & { readonly rates: RatesJson }): CostPrice => ({
    ...row,
    rates: fromRatesJson(row.rates),
  });
  /**
   * Every attempt, whoever pays for it, with what its provider may have counted where nothing was charged. What was lost was not
   * reported by the provider; what it refused, or never got, cost nothing.
   */
  const attempts = (db: Sql | Tx) => db`
    select a.call_id, a.attempt, a.tenant_id, a.provider, a.model, a.outcome,
      a.input_tokens + coalesce(e.input_tokens, 0) as input_tokens,
      a.cached_input_tokens + coalesce(e.cached_input_tokens, 0) as cached_input_tokens,
      a.output_tokens + coalesce(e.output_tokens, 0) as output_tokens, a.other_buckets,
      a.is_estimated or a.outcome = 'lost' or e.call_id is not null as is_estimated,
      a.is_charged, a.started_at
    from (
      select call_id, attempt, tenant_id, provider, model, outcome, input_tokens, cached_input_tokens, output_tokens,
        other_buckets, is_estimated, true as is_charged, coalesce(started_at, created_at) as started_at
      from usage where outcome <> 'cached'
      union all
      select call_id, attempt, tenant_id, provider, model, outcome, input_tokens, cached_input_tokens, output_tokens,
        other_buckets, is_estimated, false, started_at
      from provider_attempt
    ) a left join provider_estimate e on e.call_id = a.call_id and e.attempt = a.attempt`;
  const versions = (db: Sql | Tx) => db`
    select cost_price_id, provider, model, rates, created_at as valid_from,
      lead(created_at, 1, 'infinity') over (partition by provider, model order by version) as valid_to
    from cost_price`;
  const inForce = (db: Sql | Tx) => db`
    v.provider = a.provider and v.model = a.model and a.started_at >= v.valid_from and a.started_at < v.valid_to`;

  /** Sums of what few calls use, by bucket. */
  const otherSums = (db: Sql | Tx) =>
    otherBucketNames.reduce(
      (sums, name) =>
        db`${sums} || jsonb_build_object(${name}::text, coalesce(sum((other_buckets ->> ${name}::text)::bigint), 0)::text)`,
      db`'{}'::jsonb`,
    );

  return {
    /** Keeps two writers from choosing the same version. Released with the transaction. */
    async lockCostPrices(tx: Tx): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('billing.cost_price'))`;
    },

    async findCostPrices(tx: Tx, names: readonly ModelName[]): Promise<CostPrice[]> {
      const rows = await tx<(Omit<CostPrice, "rates"> & { rates: RatesJson })[]>`
        select distinct on (provider, model) ${columns(tx)} from cost_price
        where (provider, model) in (
          select * from jsonb_to_recordset(${toJson(names)}::text::jsonb) as r(provider text, model text)
        ) order by provider, model, version desc`;
      return rows.map(fromRow);
    },

    async insertCostPrices(tx: Tx, prices: readonly NewCostPrice[]): Promise<void> {
      const rows = prices.map((price) => ({ ...price, rates: toRatesJson(price.rates) }));
      await tx`
        insert into cost_price (cost_price_id, provider, model, version, currency, rates)
        select "costPriceId", provider, model, version, currency, rates
        from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("costPriceId" text, provider text, model text,
          version integer, currency text, rates jsonb)`;
    },

    /** The current version of each, by provider and model. */
    async listCostPrices(page: {
      readonly provider: string | undefined;
      readonly after: ModelName | undefined;
      readonly limit: number;
    }): Promise<CostPrice[]> {
      const { provider, after, limit } = page;
      const rows = await sql<(Omit<CostPrice, "rates"> & { rates: RatesJson })[]>`
        select distinct on (provider, model) ${columns(sql)} from cost_price
        where (${provider ?? null}::text is null or provider = ${provider ?? null})
          and (${after === undefined} or (provider, model) > (${after?.provider ?? null}::text, ${after?.model ?? null}::text))
        order by provider, model, version desc limit ${limit}`;
      return rows.map(fromRow);
    },

    /** Attempts that nobody is charged for. Gives how many were not known before. */
    async insertAttempts(tx: Tx, facts: readonly Fact[]): Promise<number> {
      const { count } = await tx`
        insert into provider_attempt (call_id, attempt, tenant_id, provider, model, outcome, input_tokens,
          cached_input_tokens, output_tokens, other_buckets, is_estimated, started_at)
        select "callId", r.attempt, "tenantId", provider, model, outcome, "inputTokens", "cachedInputTokens",
          "outputTokens", "otherBuckets", "isEstimated", to_timestamp("startedAtMs" / 1000.0)
        from jsonb_to_recordset(${toJson(facts)}::text::jsonb) as r("callId" text, attempt smallint, "tenantId" text,
          provider text, model text, outcome text, "inputTokens" bigint, "cachedInputTokens" bigint,
          "outputTokens" bigint, "otherBuckets" jsonb, "isEstimated" boolean, "startedAtMs" bigint)
        on conflict (call_id, attempt) do nothing`;
      return count;
    },

    /** Those of a call that nobody is charged for, in order. */
    listUncharged(tenantId: string, callId: string): Promise<UnchargedAttempt[]> {
      return sql<UnchargedAttempt[]>`
        select attempt, provider, model, outcome, started_at as "startedAt" from provider_attempt
        where call_id = ${callId} and tenant_id = ${tenantId} order by attempt limit 1000`;
    },

    /** What providers may have counted of attempts that nobody pays for. One that is known stays as it is. */
    async insertEstimates(tx: Tx, facts: readonly Fact[]): Promise<void> {
      const rows = facts.map(({ callId, attempt, mayHaveUsed }) => ({ callId, attempt, ...mayHaveUsed }));
      await tx`
        insert into provider_estimate (call_id, attempt, input_tokens, cached_input_tokens, output_tokens)
        select "callId", r.attempt, "inputTokens", "cachedInputTokens", "outputTokens"
        from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("callId" text, attempt smallint,
          "inputTokens" bigint, "cachedInputTokens" bigint, "outputTokens" bigint)
        on conflict (call_id, attempt) do nothing`;
    },

    /** All attempts of these calls, in order, with what reports have said of them. */
    async findAttempts(db: Sql | Tx, callIds: readonly string[]): Promise<AttemptRow[]> {
      const rows = await db<(Omit<AttemptRow, "otherBuckets"> & { otherBuckets: OtherBucketsJson })[]>`
        select a.call_id as "callId", a.attempt, a.tenant_id as "tenantId", a.provider, a.model, outcome,
          a.input_tokens as "inputTokens", a.cached_input_tokens as "cachedInputTokens",
          a.output_tokens as "outputTokens", other_buckets as "otherBuckets", is_estimated as "isEstimated", is_charged as "isCharged",
          a.started_at as "startedAt", to_char(a.started_at at time zone 'UTC', 'YYYY-MM-DD') as day,
          v.cost_price_id as "costPriceId", v.rates, c.corrections, c.input as "addedInput",
          c.cached as "addedCachedInput", c.output as "addedOutput", c.nanos as "addedNanos"
        from (${attempts(db)}) a left join (${versions(db)}) v on ${inForce(db)}
        cross join lateral (
          select count(*)::int as corrections, coalesce(sum(input_tokens), 0)::bigint as input,
            coalesce(sum(cached_input_tokens), 0)::bigint as cached, coalesce(sum(output_tokens), 0)::bigint as output,
            coalesce(sum(cost_nanos), 0)::bigint as nanos
          from provider_correction c where c.call_id = a.call_id and c.attempt = a.attempt
        ) c
        where a.call_id = any(${callIds as string[]}) order by a.call_id, a.attempt`;
      return rows.map((row) => ({ ...row, otherBuckets: fromOtherBucketsJson(row.otherBuckets) }));
    },

    /** By day (UTC) on which they began, model and price: from a day to another, both included. */
    async sumAttempts(tx: Tx, provider: string, fromDay: string, toDay: string): Promise<AttemptSum[]> {
      const rows = await tx<(Omit<AttemptSum, "otherBuckets"> & { otherBuckets: OtherBucketsJson })[]>`
        select to_char(a.started_at at time zone 'UTC', 'YYYY-MM-DD') as day, a.model, v.rates, count(*) as calls,
          count(*) filter (where is_estimated and c.call_id is null) as estimated,
          count(*) filter (where v.rates is null and c.call_id is null) as unknown,
          sum(a.input_tokens)::bigint as "inputTokens", sum(a.cached_input_tokens)::bigint as "cachedInputTokens",
          sum(a.output_tokens)::bigint as "outputTokens", ${otherSums(tx)} as "otherBuckets", coalesce(sum(c.nanos), 0)::bigint as "addedNanos"
        from (${attempts(tx)}) a left join (${versions(tx)}) v on ${inForce(tx)}
        left join (
          select call_id, attempt, sum(cost_nanos) as nanos from provider_correction
          where provider = ${provider} group by call_id, attempt
        ) c using (call_id, attempt)
        where a.provider = ${provider} and a.started_at >= ${fromDay}::text::date::timestamp at time zone 'UTC'
          and a.started_at < (${toDay}::text::date + 1)::timestamp at time zone 'UTC'
        group by 1, 2, v.cost_price_id, v.rates order by 1, 2`;
      return rows.map((row) => ({ ...row, otherBuckets: fromOtherBucketsJson(row.otherBuckets) }));
    },
  };
}

export type ProviderCostStore = ReturnType<typeof createProviderCostStore>;
