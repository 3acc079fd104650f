import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { KeptGroup, TagGroup, UsageFigures, UsageGroup, UsageSum, UsageUnit } from "../model.ts";
import { toJson } from "../to-json.ts";
import { durationSql, toDurationColumns } from "./duration-columns.ts";
import { isTagGroup, tagKeyOf } from "./tag-fields.ts";
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
  readonly groupId?: string | undefined;
  /** By day and month, or by hour without a user and key: only what had this one, as `key=value`. */
  readonly tag?: string | undefined;
}

export interface UsageSumQuery extends UsageSumFilter {
  /** Whether it is to be told how long calls took. */
  readonly withDurations?: boolean;
  readonly groupBy: readonly KeptGroup[];
  /** Where the page before ended. */
  readonly after: { readonly start: Date; readonly groups: readonly string[] } | undefined;
  readonly limit: number;
}

/** By what groups are put in order, the most first. */
export type TotalsSort = "cost" | "calls" | "errors";

/** Whole units, from the first on up to the last, which is not among them. */
export interface Span {
  readonly unit: "minute" | "hour" | "day";
  readonly from: Date;
  readonly to: Date;
}

export interface FiguresQuery extends Omit<UsageSumFilter, keyof Span | "tag"> {
  /** What the time is made of: one at least. */
  readonly spans: readonly Span[];
  /** One sum of all, with an empty name, when undefined. */
  readonly groupBy?: KeptGroup;
  /** Only these groups; all when undefined. */
  readonly names?: readonly string[];
  readonly sort: TotalsSort;
  readonly limit: number;
}

export interface FiguresByName extends UsageFigures {
  readonly name: string;
}

export interface UsageTotal {
  readonly calls: bigint;
  readonly costNanos: bigint;
}

/** Of some days, and of the last of them. */
interface DaysTotal extends UsageTotal {
  readonly callsToday: bigint;
  readonly costNanosToday: bigint;
}

/** Not by minute. */
export interface KeptTagQuery extends Omit<UsageSumQuery, "groupBy" | "tag"> {
  /** With one tag; by hour without key and user. */
  readonly groupBy: readonly (KeptGroup | TagGroup)[];
}

/** What is taken out when it is old: each has a table of its own. */
export type AgingSums = "minute" | "tag_hour" | "tag_day";

/** Months are the sums of their days. */
const keptUnits = { minute: "minute", hour: "hour", day: "day", month: "day" } as const;
export const groupColumns = {
  ...{ key: "key_id", user: "user_id", model: "model", provider: "provider", group: "group_id" },
} as const satisfies Record<KeptGroup, string>;

/**
 * A table of usage with the groups of whoever called, as they are now: a row for each of them, and one without for who is in none. What
 * several groups have in common counts in each.
 */
export function withGroups(sql: Sql, rows: ReturnType<typeof sql>, groupBy: readonly UsageGroup[]) {
  if (!groupBy.includes("group")) return sql`${rows} as u`;
  return sql`
    ${rows} as u cross join lateral (
      select coalesce(group_id, '') as group_id
      from (select 1) left join budget_member as m on m.tenant_id = u.tenant_id and m.user_id = u.user_id
    ) as of_group`;
}

/** That whoever called is in a group now. */
export function isOfGroup(sql: Sql, { tenantId, groupId }: { readonly tenantId: string; readonly groupId: string }) {
  return sql`user_id = any(array(select user_id from budget_member where tenant_id = ${tenantId} and group_id = ${groupId}))`;
}

const sortColumns = { cost: "cost_nanos", calls: "calls", errors: "errors" } as const satisfies Record<
  TotalsSort,
  string
>;

/** The SQL of what was used in each minute, hour and day, and in each hour and day with each tag. One method, one statement. */
export function createUsageSumStore(sql: Sql) {
  const nothing = sql``;
  /** With commas in between. */
  const listOf = (parts: readonly (typeof nothing)[]) => parts.reduce((list, part) => sql`${list}, ${part}`);
  const lies = (
    { tenantId, unit, from, to, userId, keyId, provider, model, groupId }: UsageSumFilter,
    kind: "" | "tag_",
  ) => sql`
    tenant_id = ${tenantId} and unit = ${kind + keptUnits[unit]} and start >= ${from} and start < ${to}
    ${userId === undefined ? nothing : sql`and user_id = ${userId}`}
    ${keyId === undefined ? nothing : sql`and key_id = ${keyId}`}
    ${provider === undefined ? nothing : sql`and provider = ${provider}`}
    ${model === undefined ? nothing : sql`and model = ${model}`}
    ${groupId === undefined ? nothing : sql`and ${isOfGroup(sql, { tenantId, groupId })}`}`;
  const figures = sql`
    sum(calls)::bigint as calls, sum(input_tokens)::bigint as "inputTokens",
    sum(cached_input_tokens)::bigint as "cachedInputTokens", sum(output_tokens)::bigint as "outputTokens",
    sum(cost_nanos)::bigint as "costNanos", sum(uncollected_nanos)::bigint as "uncollectedNanos",
    sum(errors)::bigint as errors`;
  const durations = sql`, ${sql.unsafe(durationSql.totals)}`;
  const matches = (filter: UsageSumFilter) =>
    filter.tag === undefined
      ? sql`${lies(filter, "")} and tag = ''`
      : sql`${lies(filter, "tag_")} and tag = ${filter.tag}`;
  const startOf = (unit: UsageUnit) => (unit === "month" ? sql`date_trunc('month', start, 'UTC')` : sql`start`);
  const nameOf = (group: KeptGroup) => sql`${sql(groupColumns[group])} collate "C"`;
  const placeOf = (after: NonNullable<UsageSumQuery["after"]>) =>
    listOf([sql`${after.start}::timestamptz`, ...after.groups.map((name) => sql`${name}::text`)]);

  return {
    /** Adds to the minutes in which the calls began, and to their hours and days. `table` is the projection or its rebuild. */
    async addSums(tx: Tx, table: string, { tenantId, rows }: UsageAddition): Promise<void> {
      const json = toJson(
        rows.map(({ latency, firstToken, ...row }) => ({
          ...{ ...row, ...toDurationColumns("latency", latency), ...toDurationColumns("firstToken", firstToken) },
        })),
      );
      await tx`
        insert into ${tx(table)} as known (tenant_id, unit, start, tag, key_id, user_id, provider, model, calls, input_tokens,
          cached_input_tokens, output_tokens, cost_nanos, uncollected_nanos, errors, ${tx.unsafe(durationSql.names)})
        select ${tenantId}::text, kind || length, date_trunc(length, to_timestamp(minute * 60.0), 'UTC') as start, tag, key_id,
          user_id, provider, model, sum(counted), sum("inputTokens"), sum("cachedInputTokens"), sum("outputTokens"),
          sum("costNanos"), sum("uncollectedNanos"), sum(errors), ${tx.unsafe(durationSql.keptSums)}
        from jsonb_to_recordset(${json}::text::jsonb) as r(minute integer, "keyId" text, "userId" text, provider text,
          model text, tags text, calls bigint, "lostCalls" bigint, "inputTokens" bigint, "cachedInputTokens" bigint,
          "outputTokens" bigint, "costNanos" bigint, "uncollectedNanos" bigint, errors bigint, ${tx.unsafe(durationSql.typed)})
        cross join lateral (
          select '' as kind, length, '' as tag, "keyId" as key_id, "userId" as user_id, calls as counted
          from (values ('minute'), ('hour'), ('day')) as lengths (length)
          union all
          select 'tag_', length, tag, case length when 'day' then "keyId" else '' end,
            case length when 'day' then "userId" else '' end, calls + "lostCalls"
          from unnest(string_to_array(tags, ',')) as tag cross join (values ('hour'), ('day')) as lengths (length)
        ) as parts
        group by kind, length, start, tag, key_id, user_id, provider, model
        on conflict (tenant_id, unit, start, tag, key_id, user_id, provider, model) do update
        set calls = known.calls + excluded.calls,
          input_tokens = known.input_tokens + excluded.input_tokens,
          cached_input_tokens = known.cached_input_tokens + excluded.cached_input_tokens,
          output_tokens = known.output_tokens + excluded.output_tokens,
          cost_nanos = known.cost_nanos + excluded.cost_nanos,
          uncollected_nanos = known.uncollected_nanos + excluded.uncollected_nanos,
          errors = known.errors + excluded.errors, ${tx.unsafe(durationSql.added)}`;
    },

    /** Adds to a rebuild that is empty what calls with tags came to before their events told the tags. */
    async addEarlierTags(tx: Tx, table: string): Promise<void> {
      await tx`insert into ${tx(table)} select * from usage_sum_earlier_tags`;
    },

    /** Takes out sums of a time before another, at most `limit` rows. Gives how many there were. */
    async deleteSums(kind: AgingSums, before: Date, limit: number): Promise<number> {
      const table = sql(`usage_sum_${kind}`);
      // As the index has it that is for this.
      const isOld =
        kind === "minute"
          ? sql`start < ${before}`
          : sql`start at time zone 'UTC' < ${before}::timestamptz at time zone 'UTC'`;
      const { count } = await sql`
        delete from ${table} where ctid = any(array(select ctid from ${table} where ${isOld} limit ${limit}))`;
      return count;
    },

    /** What all tenants used from a day on, and from a later one on. */
    async sumDays(from: Date, today: Date): Promise<DaysTotal> {
      const [row] = await sql<DaysTotal[]>`
        select coalesce(sum(calls), 0)::bigint as calls, coalesce(sum(cost_nanos), 0)::bigint as "costNanos",
          coalesce(sum(calls) filter (where start >= ${today}), 0)::bigint as "callsToday",
          coalesce(sum(cost_nanos) filter (where start >= ${today}), 0)::bigint as "costNanosToday"
        from usage_sum where unit = 'day' and tag = '' and start >= ${from}`;
      return row ?? { calls: 0n, costNanos: 0n, callsToday: 0n, costNanosToday: 0n };
    },

    /** What all of it cost. */
    async sumCost(filter: UsageSumFilter): Promise<bigint> {
      const [row] = await sql<{ costNanos: bigint }[]>`
        select coalesce(sum(cost_nanos), 0)::bigint as "costNanos" from usage_sum where ${matches(filter)}`;
      return row?.costNanos ?? 0n;
    },

    /** By start, then by the groups in their order. */
    listSums({ groupBy, after, limit, withDurations = false, ...filter }: UsageSumQuery): Promise<UsageSum[]> {
      const names = groupBy.map(nameOf);
      // The start alone tells PostgreSQL where to go on.
      const from = after && after.start > filter.from ? after.start : filter.from;
      const keys = listOf([startOf(filter.unit), ...names]);
      return sql<UsageSum[]>`
        select ${startOf(filter.unit)} as start, array[${names.length > 0 ? listOf(names) : nothing}]::text[] as groups,
          ${figures} ${withDurations ? durations : nothing}
        from ${withGroups(sql, sql`usage_sum`, groupBy)} where ${matches({ ...filter, from })} ${after ? sql`and (${keys}) > (${placeOf(after)})` : nothing}
        group by ${keys} order by ${keys} limit ${limit}`;
    },

    /** All of the spans in one, by one group; those that have the most first. */
    sumFigures({ groupBy, names, sort, limit, spans, ...filter }: FiguresQuery): Promise<FiguresByName[]> {
      const parts = spans.map((span) => sql`select * from usage_sum where ${matches({ ...filter, ...span })}`);
      const rows = parts.reduce((all, part) => sql`${all} union all ${part}`);
      const name = groupBy === undefined ? sql`''` : nameOf(groupBy);
      return sql<FiguresByName[]>`
        select ${name} as name, ${figures} ${durations}
        from ${withGroups(sql, sql`(${rows})`, groupBy === undefined ? [] : [groupBy])}
        ${names === undefined ? nothing : sql`where ${name} = any(${names as string[]}::text[])`}
        group by name order by sum(${sql(sortColumns[sort])}) desc, name limit ${limit}`;
    },

    /** By start, then by the groups in their order; what had no such tag has the empty one: it is all less what had one. */
    listSumsByTag({ groupBy, after, limit, ...filter }: KeptTagQuery): Promise<UsageSum[]> {
      const from = after && after.start > filter.from ? after.start : filter.from;
      const [tagKey = ""] = groupBy.filter(isTagGroup).map(tagKeyOf);
      const kept = groupBy.filter((group) => !isTagGroup(group)) as readonly KeptGroup[];
      const keys = listOf([sql`begun`, ...kept.map((group) => sql`${sql(groupColumns[group])}`)]);
      const groupsOf = (value: typeof nothing) =>
        sql`array[${listOf(groupBy.map((group) => (isTagGroup(group) ? value : sql`${sql(groupColumns[group])}`)))}]::text[]`;
      const sums = sql`sum(calls) as calls, sum(input_tokens) as input, sum(cached_input_tokens) as cached_input,
        sum(output_tokens) as output, sum(cost_nanos) as cost, sum(uncollected_nanos) as uncollected, sum(errors) as errors`;
      const begun = sql`usage_sum cross join lateral (select ${startOf(filter.unit)} as begun)`;
      return sql<UsageSum[]>`
        with tagged as materialized (
          select ${keys}, tag, ${sums} from ${begun}
          where ${lies({ ...filter, from }, "tag_")} and tag >= ${`${tagKey}=`} and tag < ${`${tagKey}>`}
          group by ${keys}, tag
        ), every as (
          select ${keys}, ${sums} from ${begun} where ${lies({ ...filter, from }, "")} and tag = '' group by ${keys}
        ), parts as (
          select begun, ${groupsOf(sql`substr(tag, ${tagKey.length + 2}::int)`)} as groups, calls, input, cached_input, output,
            cost, uncollected, errors from tagged
          union all
          select begun, ${groupsOf(sql`''`)}, calls, input, cached_input, output, cost, uncollected, errors from every
          union all
          select begun, ${groupsOf(sql`''`)}, -calls, -input, -cached_input, -output, -cost, -uncollected, -errors from tagged
        )
        select begun as start, groups, sum(calls)::bigint as calls, sum(input)::bigint as "inputTokens",
          sum(cached_input)::bigint as "cachedInputTokens", sum(output)::bigint as "outputTokens",
          sum(cost)::bigint as "costNanos", sum(uncollected)::bigint as "uncollectedNanos", sum(errors)::bigint as errors
        from (select begun, groups collate "C" as groups, calls, input, cached_input, output, cost, uncollected, errors from parts)
        ${after ? sql`where (begun, groups) > (${after.start}::timestamptz, ${after.groups as string[]}::text[])` : nothing}
        group by begun, groups having sum(calls) > 0 order by begun, groups limit ${limit}`;
    },
  };
}

export type UsageSumStore = ReturnType<typeof createUsageSumStore>;
