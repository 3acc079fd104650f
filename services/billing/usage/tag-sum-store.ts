import { type Bucket, inputBuckets, outputBuckets } from "@lyss/contracts/pricing/price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Sql } from "@lyss/kit/db/database.ts";
import type { UsageGroup, UsageSum } from "../model.ts";
import { isTagGroup, tagKeyOf } from "./tag-fields.ts";
import { hasTags } from "./usage-store.ts";
import { groupColumns, isOfGroup, type UsageSumQuery, withGroups } from "./usage-sum-store.ts";

export interface TagSumQuery extends Omit<UsageSumQuery, "groupBy"> {
  readonly groupBy: readonly UsageGroup[];
  /** All of which a call must have. */
  readonly tags: TagsText | undefined;
}

/** The SQL of sums by several tags, or by a tag and what is not kept with it: they are made of the calls' own rows. */
export function createTagSumStore(sql: Sql) {
  const nothing = sql``;
  const unitStarts = {
    minute: sql`date_trunc('minute', started_at, 'UTC')`,
    hour: sql`date_trunc('hour', started_at, 'UTC')`,
    day: sql`date_trunc('day', started_at, 'UTC')`,
    month: sql`date_trunc('month', started_at, 'UTC')`,
  } as const;
  /** A tag's value; empty for a call without it. */
  const toColumn = (group: UsageGroup) => {
    if (!isTagGroup(group)) return sql`${sql(groupColumns[group as keyof typeof groupColumns])}`;
    const start = `${tagKeyOf(group)}=`;
    return sql`
      coalesce((select substr(tag, ${start.length + 1}) from unnest(tags) as tag where starts_with(tag, ${start})), '')`;
  };

  /** What most calls have nothing of. */
  const sumOf = (buckets: readonly Bucket[]) => {
    const parts = buckets.map((bucket) => sql`coalesce((other_buckets ->> ${bucket}::text)::bigint, 0)`);
    return sql`case when other_buckets is null then 0 else ${parts.reduce((sum, part) => sql`${sum} + ${part}`)} end`;
  };

  /** The second finds them by an index, and costs more to look at than the first. */
  const matchTags = (names: Parameters<typeof hasTags>[1]) => sql`
    and tags @> ${names.tags.split(",")}::text[] and ${hasTags(sql, names)}`;

  return {
    /** By start, then by the groups in their order. */
    listSums({ tenantId, unit, from, to, groupBy, after, limit, tags, ...filter }: TagSumQuery): Promise<UsageSum[]> {
      const { userId, keyId, provider, model, groupId } = filter;
      const first = after && after.start > from ? after.start : from;
      const columns =
        groupBy.length > 0 ? groupBy.map(toColumn).reduce((list, column) => sql`${list}, ${column}`) : nothing;
      // Added up by all their tags first, of which there are few kinds: one tag is looked for in each kind, and not in each call.
      const plain = groupBy.flatMap((group) => (isTagGroup(group) ? [] : [toColumn(group)]));
      const names = plain.reduce((list, column) => sql`${list}, ${column}`, sql`start, tags`);
      return sql<UsageSum[]>`
        select start, groups, sum(calls)::bigint as calls, sum(input)::bigint as "inputTokens",
          sum(cached_input)::bigint as "cachedInputTokens", sum(output)::bigint as "outputTokens",
          sum(cost)::bigint as "costNanos", sum(uncollected)::bigint as "uncollectedNanos",
          sum(errors)::bigint as errors
        from (
          select ${names}, count(*) as calls, sum(input_tokens + ${sumOf(inputBuckets)}) as input,
            sum(cached_input_tokens) as cached_input, sum(output_tokens + ${sumOf(outputBuckets)}) as output,
            sum(cost_nanos) as cost, sum(uncollected_nanos) as uncollected,
            count(*) filter (where outcome in ('failed', 'truncated')) as errors
          from ${withGroups(sql, sql`usage`, groupBy)} cross join lateral (select ${unitStarts[unit]} as start)
          where tenant_id = ${tenantId} and started_at >= ${first} and started_at < ${to}
            ${userId === undefined ? nothing : sql`and user_id = ${userId}`}
            ${keyId === undefined ? nothing : sql`and key_id = ${keyId}`}
            ${provider === undefined ? nothing : sql`and provider = ${provider}`}
            ${model === undefined ? nothing : sql`and model = ${model}`}
            ${groupId === undefined ? nothing : sql`and ${isOfGroup(sql, { tenantId, groupId })}`}
            ${tags === undefined ? nothing : matchTags({ tenantId, userId, keyId, tags })}
          group by ${names}
        ) as used cross join lateral (select array[${columns}]::text[] collate "C" as groups)
        where ${after ? sql`(start, groups) > (${after.start}::timestamptz, ${after.groups as string[]}::text[])` : sql`true`}
        group by start, groups order by start, groups limit ${limit}`;
    },
  };
}

export type TagSumStore = ReturnType<typeof createTagSumStore>;
