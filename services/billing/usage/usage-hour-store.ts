import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { UsageGroup, UsageInterval, UsageSum } from "../model.ts";
import type { CallSum } from "./usage-log.ts";

/** What is added to an hour. */
export interface UsageAddition {
  readonly tenantId: string;
  readonly hour: Date;
  readonly rows: readonly CallSum[];
}

export interface UsageSumQuery {
  readonly tenantId: string;
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly userId: string | undefined;
  readonly keyId: string | undefined;
  readonly groupBy: UsageGroup | undefined;
  readonly interval: UsageInterval;
  /** Where the page before ended. */
  readonly after: { readonly start: Date; readonly group: string } | undefined;
  readonly limit: number;
}

const groupColumns = { key: "key_id", user: "user_id", model: "model", provider: "provider" } as const;

/** The SQL of hourly usage. One method, one statement. */
export function createUsageHourStore(sql: Sql) {
  return {
    /** `table` is the projection or its rebuild. */
    async addHour(tx: Tx, table: string, { tenantId, hour, rows }: UsageAddition): Promise<void> {
      const json = JSON.stringify(rows, (_key, value) => (typeof value === "bigint" ? value.toString() : value));
      await tx`
        insert into ${tx(table)} as known (tenant_id, hour, key_id, user_id, provider, model, calls, input_tokens,
          cached_input_tokens, output_tokens, cost_nanos, uncollected_nanos)
        select ${tenantId}::text, ${hour}::timestamptz, "keyId", "userId", provider, model, sum(calls), sum("inputTokens"),
          sum("cachedInputTokens"), sum("outputTokens"), sum("costNanos"), sum("uncollectedNanos")
        from jsonb_to_recordset(${json}::text::jsonb) as r("keyId" text, "userId" text, provider text, model text,
          calls bigint, "inputTokens" bigint, "cachedInputTokens" bigint, "outputTokens" bigint, "costNanos" bigint,
          "uncollectedNanos" bigint)
        group by "keyId", "userId", provider, model
        on conflict (tenant_id, hour, key_id, user_id, provider, model) do update set calls = known.calls + excluded.calls,
          input_tokens = known.input_tokens + excluded.input_tokens,
          cached_input_tokens = known.cached_input_tokens + excluded.cached_input_tokens,
          output_tokens = known.output_tokens + excluded.output_tokens,
          cost_nanos = known.cost_nanos + excluded.cost_nanos,
          uncollected_nanos = known.uncollected_nanos + excluded.uncollected_nanos`;
    },

    /** What all of it cost. */
    async sumCost(query: Pick<UsageSumQuery, "tenantId" | "userId" | "keyId" | "from" | "to">): Promise<bigint> {
      const { tenantId, userId, keyId, from, to } = query;
      const [row] = await sql<{ costNanos: bigint }[]>`
        select coalesce(sum(cost_nanos), 0)::bigint as "costNanos" from usage_hour
        where tenant_id = ${tenantId} and hour >= ${from} and hour < ${to}
          ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
          ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}`;
      return row?.costNanos ?? 0n;
    },

    /** By start, then by group. */
    listSums({
      tenantId,
      userId,
      keyId,
      from,
      to,
      groupBy,
      interval,
      after,
      limit,
    }: UsageSumQuery): Promise<UsageSum[]> {
      const group = groupBy ? sql`${sql(groupColumns[groupBy])} collate "C"` : sql`''::text`;
      const afterStart = after?.start ?? null;
      return sql<UsageSum[]>`
        select start, "group", sum(calls)::bigint as calls, sum(input_tokens)::bigint as "inputTokens",
          sum(cached_input_tokens)::bigint as "cachedInputTokens", sum(output_tokens)::bigint as "outputTokens",
          sum(cost_nanos)::bigint as "costNanos"
        from (
          select date_trunc(${interval}::text, hour, 'UTC') as start, ${group} as "group", calls, input_tokens,
            cached_input_tokens, output_tokens, cost_nanos
          from usage_hour where tenant_id = ${tenantId} and hour >= ${from} and hour < ${to}
            ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
            ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
        ) as used
        where ${afterStart}::timestamptz is null or (start, "group") > (${afterStart}::timestamptz, ${after?.group ?? ""})
        group by start, "group" order by start, "group" limit ${limit}`;
    },
  };
}

export type UsageHourStore = ReturnType<typeof createUsageHourStore>;
