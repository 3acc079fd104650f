import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { KeptGroup, UsageSum, UsageUnit } from "../model.ts";
import type { CallSum } from "./usage-log.ts";

/** What is added to a tenant's sums. */
export interface UsageAddition {
  readonly tenantId: string;
  readonly rows: readonly CallSum[];
}

/** Which sums of a tenant; what is undefined does not matter. */
export interface UsageSumFilter {
  readonly tenantId: string;
  readonly unit: UsageUnit;
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
}

export interface UsageSumQuery extends UsageSumFilter {
  readonly groupBy: readonly KeptGroup[];
  /** Where the page before ended. */
  readonly after: { readonly start: Date; readonly groups: readonly string[] } | undefined;
  readonly limit: number;
}

/** Months are the sums of their days. */
const keptUnits = { minute: "minute", hour: "hour", day: "day", month: "day" } as const;
const groupColumns = { key: "key_id", user: "user_id", model: "model", provider: "provider" } as const;

/** The SQL of what was used in each minute, hour and day. One method, one statement. */
export function createUsageSumStore(sql: Sql) {
  const nothing = sql``;
  /** With commas in between. */
  const listOf = (parts: readonly (typeof nothing)[]) => parts.reduce((list, part) => sql`${list}, ${part}`);
  const matches = ({ tenantId, unit, from, to, userId, keyId, provider, model }: UsageSumFilter) => sql`
    tenant_id = ${tenantId} and unit = ${keptUnits[unit]} and start >= ${from} and start < ${to}
    ${userId === undefined ? nothing : sql`and user_id = ${userId}`}
    ${keyId === undefined ? nothing : sql`and key_id = ${keyId}`}
    ${provider === undefined ? nothing : sql`and provider = ${provider}`}
    ${model === undefined ? nothing : sql`and model = ${model}`}`;

  return {
    /** Adds to the minutes in which the calls began, and to their hours and days. `table` is the projection or its rebuild. */
    async addSums(tx: Tx, table: string, { tenantId, rows }: UsageAddition): Promise<void> {
      const json = JSON.stringify(rows, (_key, value) => (typeof value === "bigint" ? value.toString() : value));
      await tx`
        insert into ${tx(table)} as known (tenant_id, unit, start, key_id, user_id, provider, model, calls, input_tokens,
          cached_input_tokens, output_tokens, cost_nanos, uncollected_nanos)
        select ${tenantId}::text, unit, date_trunc(unit, to_timestamp(minute * 60.0), 'UTC') as start, "keyId", "userId",
          provider, model, sum(calls), sum("inputTokens"), sum("cachedInputTokens"), sum("outputTokens"), sum("costNanos"),
          sum("uncollectedNanos")
        from jsonb_to_recordset(${json}::text::jsonb) as r(minute integer, "keyId" text, "userId" text, provider text,
          model text, calls bigint, "inputTokens" bigint, "cachedInputTokens" bigint, "outputTokens" bigint,
          "costNanos" bigint, "uncollectedNanos" bigint)
        cross join (values ('minute'), ('hour'), ('day')) as units (unit)
        group by unit, start, "keyId", "userId", provider, model
        on conflict (tenant_id, unit, start, key_id, user_id, provider, model) do update
        set calls = known.calls + excluded.calls,
          input_tokens = known.input_tokens + excluded.input_tokens,
          cached_input_tokens = known.cached_input_tokens + excluded.cached_input_tokens,
          output_tokens = known.output_tokens + excluded.output_tokens,
          cost_nanos = known.cost_nanos + excluded.cost_nanos,
          uncollected_nanos = known.uncollected_nanos + excluded.uncollected_nanos`;
    },

    /** Takes out the oldest minutes that began before a time, at most `limit` rows. Gives how many there were. */
    async deleteMinutes(before: Date, limit: number): Promise<number> {
      const { count } = await sql`
        delete from usage_sum_minute where ctid = any(array(
          select ctid from usage_sum_minute where start < ${before} order by start limit ${limit}))`;
      return count;
    },

    /** What all of it cost. */
    async sumCost(filter: UsageSumFilter): Promise<bigint> {
      const [row] = await sql<{ costNanos: bigint }[]>`
        select coalesce(sum(cost_nanos), 0)::bigint as "costNanos" from usage_sum where ${matches(filter)}`;
      return row?.costNanos ?? 0n;
    },

    /** By start, then by the groups in their order. */
    listSums({ groupBy, after, limit, ...filter }: UsageSumQuery): Promise<UsageSum[]> {
      const start = filter.unit === "month" ? sql`date_trunc('month', start, 'UTC')` : sql`start`;
      const names = groupBy.map((group) => sql`${sql(groupColumns[group])} collate "C"`);
      // The start alone tells PostgreSQL where to go on.
      const from = after && after.start > filter.from ? after.start : filter.from;
      const keys = listOf([start, ...names]);
      const place =
        after && listOf([sql`${after.start}::timestamptz`, ...after.groups.map((name) => sql`${name}::text`)]);
      return sql<UsageSum[]>`
        select ${start} as start, array[${names.length > 0 ? listOf(names) : nothing}]::text[] as groups,
          sum(calls)::bigint as calls, sum(input_tokens)::bigint as "inputTokens",
          sum(cached_input_tokens)::bigint as "cachedInputTokens", sum(output_tokens)::bigint as "outputTokens",
          sum(cost_nanos)::bigint as "costNanos", sum(uncollected_nanos)::bigint as "uncollectedNanos"
        from usage_sum where ${matches({ ...filter, from })} ${place ? sql`and (${keys}) > (${place})` : nothing}
        group by ${keys} order by ${keys} limit ${limit}`;
    },
  };
}

export type UsageSumStore = ReturnType<typeof createUsageSumStore>;
