import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Outcome, Usage, UsageRow } from "../model.ts";
import { fromOtherBucketsJson, type OtherBucketsJson } from "../prices/terms-json.ts";

/** Which rows of a tenant; what is undefined does not matter. */
export interface UsageFilter {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly outcome?: Outcome | undefined;
  /** All of which a row must have. */
  readonly tags?: TagsText | undefined;
  /** The first start. */
  readonly fromMs?: number | undefined;
  /** Exclusive. */
  readonly toMs?: number | undefined;
}

/** A row's place in the order of all. */
export interface UsagePlace {
  readonly startedAtMs: number;
  readonly callId: string;
  readonly attempt: number;
}

/** Columns of usage, for `fromUsageColumns`. */
export function usageColumns(db: Sql | Tx) {
  return db`
    call_id as "callId", wallet_id as "walletId", tenant_id as "tenantId", request_id as "requestId",
    key_id as "keyId", user_id as "userId", provider, model, price_id as "priceId",
    outcome, input_tokens as "inputTokens", cached_input_tokens as "cachedInputTokens",
    output_tokens as "outputTokens", is_estimated as "isEstimated", cost_nanos as "costNanos",
    uncollected_nanos as "uncollectedNanos", latency_ms as "latencyMs", posting_id as "postingId",
    other_buckets as "otherBuckets", service_mode as "serviceMode", started_at as "startedAt",
    array_to_string(tags, ',') as tags`;
}

/** A row of usage as it comes from SQL. */
export type UsageColumns<Row extends Usage> = Omit<Row, "otherBuckets" | "serviceMode" | "startedAtMs" | "tags"> & {
  readonly otherBuckets: OtherBucketsJson;
  readonly serviceMode: Usage["serviceMode"] | null;
  readonly startedAt: Date;
  readonly tags: string | null;
};

export function fromUsageColumns<Row extends Usage>(columns: UsageColumns<Row>): Row {
  const { otherBuckets, serviceMode, startedAt, tags, ...row } = columns;
  return {
    ...row,
    otherBuckets: fromOtherBucketsJson(otherBuckets),
    serviceMode: serviceMode ?? undefined,
    tags: tags ?? undefined,
    startedAtMs: BigInt(startedAt.getTime()),
  } as unknown as Row;
}

/** That a row has all of these tags, found by the index of tags by tenant. */
export function hasTags(sql: Sql, tenantId: string, tags: TagsText) {
  return sql`tenant_tags(tenant_id, tags) @> ${tags.split(",").map((tag) => `${tenantId} ${tag}`)}::text[]`;
}

/**
 * As many rows with a tag are fetched one by one and sorted. Where there are more, a page is full before one has gone by time through
 * so many rows that it would have been the shorter way.
 */
const maxRareRows = 5_000;
/** Of one person or key there are fewer rows to go through by time, and each that is fetched one by one is a page to read. */
const partOfOne = 25;

/** The SQL of reading usage. */
export function createUsageStore(sql: Sql, maxRare = maxRareRows) {
  const rowColumns = () => sql`${usageColumns(sql)}, attempt, created_at as "createdAt"`;
  // A condition that is not asked for is not in the statement, so that each kind of question has a plan of its own. A plan for any
  // outcome does not know that the index over those that did not complete has it, unless it is told.
  const within = ({ fromMs, toMs }: Pick<UsageFilter, "fromMs" | "toMs">) => sql`
    ${fromMs === undefined ? sql`` : sql`and started_at >= ${new Date(fromMs)}`}
    ${toMs === undefined ? sql`` : sql`and started_at < ${new Date(toMs)}`}`;
  const matches = ({ tenantId, userId, keyId, model, provider, outcome, tags, fromMs, toMs }: UsageFilter) => sql`
    tenant_id = ${tenantId}
    ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
    ${model === undefined ? sql`` : sql`and model = ${model}`}
    ${provider === undefined ? sql`` : sql`and provider = ${provider}`}
    ${outcome === undefined ? sql`` : sql`and outcome = ${outcome}`}
    ${outcome === undefined || outcome === "completed" ? sql`` : sql`and outcome <> 'completed'`}
    ${tags === undefined ? sql`` : sql`and tags @> ${tags.split(",")}::text[]`}
    ${within({ fromMs, toMs })}`;
  /**
   * The first of the tags that so few rows have that all of them are read. Each is looked for by itself, and no further than that
   * takes: for several at once the index would be read to its end.
   */
  async function findRareTag(filter: UsageFilter): Promise<string | undefined> {
    const { tenantId, userId, keyId, tags } = filter;
    const most = userId === undefined && keyId === undefined ? maxRare : Math.floor(maxRare / partOfOne);
    for (const tag of tags?.split(",") ?? []) {
      const [found] = await sql<{ rows: number }[]>`
        select count(*)::int as rows from (
          select from usage where ${hasTags(sql, tenantId, tag)} ${within(filter)} limit ${most + 1}
        ) as found`;
      if ((found?.rows ?? 0) <= most) return tag;
    }
    return undefined;
  }
  /**
   * The rows to look into: of a rare tag they are planned by themselves. With the order and limit of a list around them PostgreSQL
   * goes by time, for it takes a tag that it does not know for one that is soon met.
   */
  const rowsOf = (tenantId: string, rareTag: string | undefined) =>
    rareTag === undefined
      ? sql`usage`
      : sql`(select * from usage where ${hasTags(sql, tenantId, rareTag)} offset 0) as usage`;
  const place = ({ startedAtMs, callId, attempt }: UsagePlace) => sql`
    (${new Date(startedAtMs)}::timestamptz, ${callId}::text, ${attempt}::smallint)`;

  return {
    /** Newest first, from behind `after` on. */
    async listUsage(filter: UsageFilter, after: UsagePlace | undefined, limit: number): Promise<UsageRow[]> {
      // The start alone tells PostgreSQL which days to look into.
      const rest = after
        ? sql`and started_at <= ${new Date(after.startedAtMs)} and (started_at, call_id, attempt) < ${place(after)}`
        : sql``;
      const source = rowsOf(filter.tenantId, await findRareTag(filter));
      const rows = await sql<UsageColumns<UsageRow>[]>`
        select ${rowColumns()} from ${source} where ${matches(filter)} ${rest}
        order by started_at desc, call_id desc, attempt desc limit ${limit}`;
      return rows.map(fromUsageColumns);
    },

    /** Oldest first, from behind `after` on. */
    async listUsageForward(filter: UsageFilter, after: UsagePlace | undefined, limit: number): Promise<UsageRow[]> {
      const rest = after
        ? sql`and started_at >= ${new Date(after.startedAtMs)} and (started_at, call_id, attempt) > ${place(after)}`
        : sql``;
      const source = rowsOf(filter.tenantId, await findRareTag(filter));
      const rows = await sql<UsageColumns<UsageRow>[]>`
        select ${rowColumns()} from ${source} where ${matches(filter)} ${rest}
        order by started_at, call_id, attempt limit ${limit}`;
      return rows.map(fromUsageColumns);
    },

    /** The attempts of a call, in order. Looks into every day. */
    async listAttempts(filter: UsageFilter, callId: string): Promise<UsageRow[]> {
      const rows = await sql<UsageColumns<UsageRow>[]>`
        select ${rowColumns()} from usage where call_id = ${callId} and ${matches(filter)} order by attempt limit 1000`;
      return rows.map(fromUsageColumns);
    },
  };
}

export type UsageStore = ReturnType<typeof createUsageStore>;
