import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { toJson } from "../to-json.ts";
import { type NewPrice, type Price, type PriceHistory, type PriceOwner, withMarkup } from "./price.ts";
import { fromTermsJson, type TermsJson } from "./terms-json.ts";

/** Names a price from a tenant's point of view. */
export interface PriceName {
  readonly tenantId: string;
  readonly provider: string;
  readonly model: string;
}

export type ModelName = Omit<PriceName, "tenantId">;

type PriceRow = Omit<Price, "terms"> & { readonly terms: TermsJson; readonly planMarkupPpm: number | null };

function fromRow({ planMarkupPpm, ...row }: PriceRow): Price {
  return { ...row, terms: withMarkup(fromTermsJson(row.terms), planMarkupPpm ?? 0) };
}

/** The SQL of prices. One method, one statement. */
export function createPriceStore(sql: Sql) {
  // Later than the lock that a writer has waited for, which the time of the transaction is not.
  const inForce = (db: Sql | Tx, aheadMs = 0) => db`
    effective_at <= statement_timestamp() + ${aheadMs}::float8 * interval '1 millisecond'`;
  const columns = (db: Sql | Tx) => db`
    price_id as "priceId", price.tenant_id as "tenantId", price.plan_id as "planId", provider, model, version, currency,
    terms, origin, effective_at as "effectiveAt", price.created_at as "createdAt",
    ${inForce(db)} as "isInForce"`;
  /** With the version of the plan under which it is sold, where that changes it. */
  const soldColumns = (db: Sql | Tx) => db`
    p."priceId" || coalesce('+' || v.plan_version_id, '') as "priceId", p."tenantId", p."planId", p.provider, p.model,
    p.version, p.currency, p.terms, p.origin, p."effectiveAt", p."createdAt", p."isInForce", v.markup_ppm as "planMarkupPpm"`;
  const planVersion = (db: Sql | Tx) => db`
    left join lateral (
      select plan_version_id, markup_ppm from price_plan_version
      where price_plan_version.plan_id = t.plan_id and p."tenantId" = '' and p."planId" = ''
      order by price_plan_version.version desc limit 1
    ) v on v.markup_ppm <> 0`;

  return {
    /**
     * What each named price is now: the tenant's own where it has one, else its plan's, else the one that holds for all
     * with the plan's mark-up.
     */
    async findPrices(tx: Tx, names: readonly PriceName[]): Promise<(Price & { forTenantId: string })[]> {
      const latest = tx`and ${inForce(tx)} order by effective_at desc, version desc limit 1`;
      const ofModel = tx`price.provider = r.provider and price.model = r.model`;
      const rows = await tx<(PriceRow & { forTenantId: string })[]>`
        select r."tenantId" as "forTenantId", ${soldColumns(tx)} from (
          select distinct "tenantId", provider, model
          from jsonb_to_recordset(${toJson(names)}::text::jsonb) as r("tenantId" text, provider text, model text)
        ) r left join price_plan_tenant t on t.tenant_id = r."tenantId"
        cross join lateral (
          select * from (
            (select 1 as rank, ${columns(tx)} from price
             where ${ofModel} and tenant_id = r."tenantId" and plan_id = '' and r."tenantId" <> '' ${latest})
            union all
            (select 2, ${columns(tx)} from price where ${ofModel} and tenant_id = '' and plan_id = t.plan_id ${latest})
            union all
            (select 3, ${columns(tx)} from price where ${ofModel} and tenant_id = '' and plan_id = '' ${latest})
          ) ranked order by rank limit 1
        ) p ${planVersion(tx)}`;
      return rows.map(({ forTenantId, ...row }) => ({ ...fromRow(row), forTenantId }));
    },

    /** What a tenant pays for each model: the version in force, then those that are within `aheadMs`. */
    async listPrices(tenantId: string, provider: string | undefined, aheadMs: number): Promise<Price[]> {
      const owned = sql`(price.tenant_id in ('', ${tenantId}) and price.plan_id = '' or price.tenant_id = '' and price.plan_id = t.plan_id)`;
      const rows = await sql<PriceRow[]>`
        with t as (
          select (select plan_id from price_plan_tenant where tenant_id = ${tenantId}) as plan_id
        ), reachable as (
          select ${columns(sql)}, case when price.tenant_id <> '' then 1 when price.plan_id <> '' then 2 else 3 end as rank,
            row_number() over (
              partition by provider, model, price.tenant_id, price.plan_id, ${inForce(sql)}
              order by effective_at desc, version desc
            ) as place
          from price, t
          where ${owned} and ${inForce(sql, aheadMs)} and (${provider ?? null}::text is null or provider = ${provider ?? null})
        ), best as (
          select *, min(rank) filter (where "isInForce") over (partition by provider, model) as "rankInForce" from reachable
          where not "isInForce" or place = 1
        )
        select ${soldColumns(sql)} from best p cross join t ${planVersion(sql)}
        where rank = "rankInForce" or not "isInForce" and rank < coalesce("rankInForce", 4)
        order by p.provider, p.model, not "isInForce", p."effectiveAt", p.version limit 5000`;
      return rows.map(fromRow);
    },

    /** The version in force of each price of one owner, without a plan's mark-up. */
    async listOwned({ tenantId, planId }: PriceOwner): Promise<Price[]> {
      const rows = await sql<PriceRow[]>`
        select distinct on (provider, model) ${columns(sql)}, null as "planMarkupPpm" from price
        where tenant_id = ${tenantId} and plan_id = ${planId} and ${inForce(sql)}
        order by provider, model, effective_at desc, version desc`;
      return rows.map(fromRow);
    },

    /** Newest first. */
    async listVersions(
      { tenantId, planId, provider, model }: PriceOwner & ModelName,
      page: { readonly limit: number; readonly before: bigint | undefined },
    ): Promise<Price[]> {
      const rows = await sql<PriceRow[]>`
        select ${columns(sql)}, null as "planMarkupPpm" from price
        where provider = ${provider} and model = ${model} and tenant_id = ${tenantId} and plan_id = ${planId}
          and (${page.before ?? null}::bigint is null or version < ${page.before ?? null}::bigint)
        order by version desc limit ${page.limit}`;
      return rows.map(fromRow);
    },

    /** Versions by the ids that holds and usage name. */
    async findPricesById(tx: Tx, priceIds: readonly string[]): Promise<Price[]> {
      const rows = await tx<PriceRow[]>`
        select ${soldColumns(tx)} from unnest(${priceIds as string[]}::text[]) as r(id)
        cross join lateral (select ${columns(tx)} from price where price_id = split_part(r.id, '+', 1)) p
        left join price_plan_version v on v.plan_version_id = split_part(r.id, '+', 2)
        where split_part(r.id, '+', 2) = coalesce(v.plan_version_id, '')`;
      return rows.map(fromRow);
    },

    /** What is known of each model under its owner, for who is about to write a version. `effectiveAt` is the new one's. */
    async findHistories(
      tx: Tx,
      { tenantId, planId }: PriceOwner,
      names: readonly ModelName[],
      effectiveAt: Date | undefined,
    ): Promise<(ModelName & PriceHistory)[]> {
      const ofModel = tx`
        provider = r.provider and model = r.model and tenant_id = ${tenantId} and plan_id = ${planId}`;
      const newest = tx`order by version desc limit 1`;
      const rows = await tx<(PriceRow & { part: "current" | "newest" | "provider" | "catalog" | "same" })[]>`
        select p.*, null as "planMarkupPpm" from
          jsonb_to_recordset(${toJson(names)}::text::jsonb) as r(provider text, model text)
        cross join lateral (
          (select 'current' as part, ${columns(tx)} from price
           where ${ofModel} and ${inForce(tx)} order by effective_at desc, version desc limit 1)
          union all (select 'newest', ${columns(tx)} from price where ${ofModel} ${newest})
          union all (select 'provider', ${columns(tx)} from price where ${ofModel} and origin = 'provider' ${newest})
          union all (select 'catalog', ${columns(tx)} from price where ${ofModel} and origin = 'catalog' ${newest})
          union all (select 'same', ${columns(tx)} from price
            where ${ofModel} and effective_at = ${effectiveAt ?? null}::timestamptz ${newest})
        ) p`;
      const byModel = Map.groupBy(rows, ({ provider, model }) => JSON.stringify([provider, model]));
      return names.map(({ provider, model }) => {
        const ofName = byModel.get(JSON.stringify([provider, model])) ?? [];
        const find = (part: string) => {
          const row = ofName.find((it) => it.part === part);
          return row && fromRow(row);
        };
        return {
          ...{ provider, model, newestVersion: find("newest")?.version ?? 0, current: find("current") },
          ...{ lastByProvider: find("provider"), lastByCatalog: find("catalog"), sameTime: find("same") },
        };
      });
    },

    async insertPrices(tx: Tx, prices: readonly NewPrice[]): Promise<void> {
      await tx`
        insert into price (price_id, tenant_id, plan_id, provider, model, version, currency, terms, origin, effective_at)
        select "priceId", "tenantId", "planId", provider, model, version, currency, terms, origin,
          coalesce("effectiveAt", statement_timestamp())
        from jsonb_to_recordset(${toJson(prices)}::text::jsonb) as r("priceId" text, "tenantId" text, "planId" text,
          provider text, model text, version integer, currency text, terms jsonb, origin text, "effectiveAt" timestamptz)`;
    },

    /** Keeps two writers of the price book from choosing the same version. Released with the transaction. */
    async lockPriceBook(tx: Tx): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('billing.price'))`;
    },
  };
}

export type PriceStore = ReturnType<typeof createPriceStore>;
