import type { CallErrorName } from "@lyss/contracts/usage/call-errors.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { CallEnd, Outcome, Usage, UsageRow } from "../model.ts";
import { fromOtherBucketsJson, type OtherBucketsJson } from "../prices/terms-json.ts";

/** Which rows of a tenant; what is undefined does not matter. */
export interface UsageFilter {
  readonly tenantId: string;
  readonly callId?: string | undefined;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly outcome?: Outcome | undefined;
  /** All of which a row must have. */
  readonly tags?: TagsText | undefined;
  /** Only calls of who is in this group now. */
  readonly groupId?: string | undefined;
  readonly isStreamed?: boolean | undefined;
  readonly error?: CallErrorName | undefined;
  /** Both within. */
  readonly minCostNanos?: bigint | undefined;
  readonly maxCostNanos?: bigint | undefined;
  readonly minLatencyMs?: bigint | undefined;
  readonly maxLatencyMs?: bigint | undefined;
  /** The first start. */
  readonly fromMs?: number | undefined;
  /** Exclusive. */
  readonly toMs?: number | undefined;
}

/** By what a list is sorted; equal ones go by time. */
export type UsageSort = "time" | "cost" | "latency";

export interface UsageOrder {
  readonly by: UsageSort;
  /** The newest, dearest or longest first. */
  readonly isDescending: boolean;
}

/** A row's place in the order of all. */
export interface UsagePlace {
  /** What it cost or how long it took, where the order is by that. */
  readonly value?: bigint;
  readonly startedAtMs: number;
  readonly callId: string;
  readonly attempt: number;
}

/** A place in the order in which usage is recorded: a transaction, and a row of it that lies behind the place. */
export interface RecordPlace {
  readonly recordedBy: bigint;
  /** Empty for a place before all rows of the transaction. */
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
    array_to_string(tags, ',') as tags, is_streamed as "isStreamed", first_token_ms as "firstTokenMs", error`;
}

/** A row of usage as it comes from SQL. */
export type UsageColumns<Row extends Usage> = Omit<
  Row,
  "otherBuckets" | "serviceMode" | "startedAtMs" | "tags" | keyof CallEnd
> & {
  readonly otherBuckets: OtherBucketsJson;
  readonly serviceMode: Usage["serviceMode"] | null;
  readonly startedAt: Date;
  readonly tags: string | null;
} & { readonly [Name in keyof CallEnd]-?: NonNullable<CallEnd[Name]> | null };

export function fromUsageColumns<Row extends Usage>(columns: UsageColumns<Row>): Row {
  const { otherBuckets, serviceMode, startedAt, tags, isStreamed, firstTokenMs, error, ...row } = columns;
  return {
    ...row,
    otherBuckets: fromOtherBucketsJson(otherBuckets),
    serviceMode: serviceMode ?? undefined,
    tags: tags ?? undefined,
    ...{ isStreamed: isStreamed ?? undefined, firstTokenMs: firstTokenMs ?? undefined, error: error ?? undefined },
    startedAtMs: BigInt(startedAt.getTime()),
  } as unknown as Row;
}

/** That a row has all of these tags and names, found by the index over both. */
export function hasTags(
  sql: Sql,
  { tenantId, userId, keyId, tags }: Pick<UsageFilter, "tenantId" | "userId" | "keyId"> & { readonly tags: TagsText },
) {
  const names = [userId, keyId].filter((name) => name !== undefined);
  const terms = [...tags.split(",").map((tag) => `${tenantId} ${tag}`), ...names];
  return sql`usage_terms(tenant_id, user_id, key_id, tags) @> ${terms}::text[]`;
}

/** Which of the matching rows. */
interface ListPart {
  readonly after: UsagePlace | undefined;
  readonly limit: number;
  readonly order: UsageOrder;
}

/** With the people of a group in its place. */
type AskedFilter = Omit<UsageFilter, "groupId"> & { readonly userIds?: readonly string[] | undefined };
type TaggedFilter = AskedFilter & { readonly tags: TagsText };
/** What most lists are narrowed by: statements that are planned once. */
type CommonFilter = Pick<
  UsageFilter,
  "tenantId" | "userId" | "keyId" | "model" | "provider" | "outcome" | "tags" | "fromMs" | "toMs"
>;

const newestFirst: UsageOrder = { by: "time", isDescending: true };
const sortColumns = { cost: "cost_nanos", latency: "latency_ms" } as const;

/** True for a list that has to be planned anew for its values. */
function isOfValues({ userIds, isStreamed, error, ...filter }: AskedFilter, { by }: UsageOrder): boolean {
  const { minCostNanos, maxCostNanos, minLatencyMs, maxLatencyMs } = filter;
  const asked = [userIds, isStreamed, error, minCostNanos, maxCostNanos, minLatencyMs, maxLatencyMs];
  return by !== "time" || asked.some((value) => value !== undefined);
}

/** From a time up to another one, which is not in it. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const dayMs = 86_400_000;
/** As many rows are fetched one by one and sorted. Where there are more, in a day by a tag, a page is soon full by time. */
const maxRowsFetched = 2_000;

/** The SQL of reading usage. */
export function createUsageStore(sql: Sql, maxFetched = maxRowsFetched) {
  const rowColumns = () => sql`${usageColumns(sql)}, attempt, created_at as "createdAt"`;
  // A condition that is not asked for is not in the statement, so that each kind of question has a plan of its own. A plan for any
  // outcome does not know that the index over those that did not complete has it, unless it is told.
  const within = ({ fromMs, toMs }: Pick<UsageFilter, "fromMs" | "toMs">) => sql`
    ${fromMs === undefined ? sql`` : sql`and started_at >= ${new Date(fromMs)}`}
    ${toMs === undefined ? sql`` : sql`and started_at < ${new Date(toMs)}`}`;
  const matchesMore = ({ callId, userIds, isStreamed, error, ...range }: Omit<AskedFilter, keyof CommonFilter>) => sql`
    ${callId === undefined ? sql`` : sql`and call_id = ${callId}`}
    ${userIds === undefined ? sql`` : sql`and user_id = any(${userIds as string[]}::text[])`}
    ${isStreamed === undefined ? sql`` : sql`and is_streamed = ${isStreamed}`}
    ${error === undefined ? sql`` : sql`and error = ${error}`}
    ${range.minCostNanos === undefined ? sql`` : sql`and cost_nanos >= ${String(range.minCostNanos)}::bigint`}
    ${range.maxCostNanos === undefined ? sql`` : sql`and cost_nanos <= ${String(range.maxCostNanos)}::bigint`}
    ${range.minLatencyMs === undefined ? sql`` : sql`and latency_ms >= ${String(range.minLatencyMs)}::bigint`}
    ${range.maxLatencyMs === undefined ? sql`` : sql`and latency_ms <= ${String(range.maxLatencyMs)}::bigint`}`;
  const matches = ({
    tenantId,
    userId,
    keyId,
    model,
    provider,
    outcome,
    tags,
    fromMs,
    toMs,
    ...more
  }: AskedFilter) => sql`
    tenant_id = ${tenantId}
    ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
    ${model === undefined ? sql`` : sql`and model = ${model}`}
    ${provider === undefined ? sql`` : sql`and provider = ${provider}`}
    ${outcome === undefined ? sql`` : sql`and outcome = ${outcome}`}
    ${outcome === undefined || outcome === "completed" ? sql`` : sql`and outcome <> 'completed'`}
    ${tags === undefined ? sql`` : sql`and tags @> ${tags.split(",")}::text[]`}
    ${matchesMore(more)} ${within({ fromMs, toMs })}`;
  const placeParts = ({ startedAtMs, callId, attempt }: UsagePlace) => sql`
    ${new Date(startedAtMs)}::timestamptz, ${callId}::text, ${attempt}::smallint`;
  const placeOf = (place: UsagePlace) => sql`(${placeParts(place)})`;
  // The start alone tells PostgreSQL which days to look into.
  const behind = ({ by, isDescending }: UsageOrder, place: UsagePlace) => {
    if (by === "time") {
      return isDescending
        ? sql`and started_at <= ${new Date(place.startedAtMs)} and (started_at, call_id, attempt) < ${placeOf(place)}`
        : sql`and started_at >= ${new Date(place.startedAtMs)} and (started_at, call_id, attempt) > ${placeOf(place)}`;
    }
    const column = sql(sortColumns[by]);
    const value = sql`${String(place.value ?? 0n)}::bigint`;
    const [row, other] = [sql`(${column}, started_at, call_id, attempt)`, sql`(${value}, ${placeParts(place)})`];
    return isDescending
      ? sql`and ${column} <= ${value} and ${row} < ${other}`
      : sql`and ${column} >= ${value} and ${row} > ${other}`;
  };
  const inOrder = ({ by, isDescending }: UsageOrder) => {
    const columns = [...(by === "time" ? [] : [sortColumns[by]]), "started_at", "call_id", "attempt"];
    const parts = columns.map((column) => (isDescending ? sql`${sql(column)} desc` : sql`${sql(column)}`));
    return sql`order by ${parts.reduce((list, part) => sql`${list}, ${part}`)}`;
  };
  type Condition = ReturnType<typeof within>;
  /**
   * Rows to look into that are found by this alone: planned by themselves. With the order and limit of a list around them PostgreSQL
   * goes by time, for it takes what it does not know for something that is soon met.
   */
  const found = (condition: Condition) => sql`(select * from usage where ${condition} offset 0) as usage`;
  const byTag = (filter: TaggedFilter) => sql`${hasTags(sql, filter)} ${within(filter)}`;
  /** Each range that is asked for, which an index leads to. */
  const byRanges = (filter: AskedFilter) => {
    const { tenantId, minCostNanos, maxCostNanos, minLatencyMs, maxLatencyMs } = filter;
    const ranges = [
      { minCostNanos, maxCostNanos },
      { minLatencyMs, maxLatencyMs },
    ];
    return ranges
      .filter((range) => Object.values(range).some((bound) => bound !== undefined))
      .map((range) => sql`tenant_id = ${tenantId} ${matchesMore(range)} ${within(filter)}`);
  };

  async function listFrom(
    source: ReturnType<typeof found>,
    filter: AskedFilter,
    { after, limit, order }: ListPart,
  ): Promise<UsageRow[]> {
    const ask = (db: Sql | Tx) => db<UsageColumns<UsageRow>[]>`
      select ${rowColumns()} from ${source} where ${matches(filter)} ${after ? behind(order, after) : sql``}
      ${inOrder(order)} limit ${limit}`;
    const rows = isOfValues(filter, order) ? await planned(ask) : await ask(sql);
    return rows.map(fromUsageColumns<UsageRow>);
  }

  /** Planned for these values: which index leads to a range soonest is told by where the range lies, and by how many fall into it. */
  async function planned<Row>(ask: (tx: Tx) => PromiseLike<Row[]>): Promise<Row[]> {
    return (await sql.begin("read only", async (tx) => {
      await tx`set local plan_cache_mode = force_custom_plan`;
      return ask(tx);
    })) as Row[];
  }

  /** Whose calls a group's are. */
  async function listMembers(tenantId: string, groupId: string): Promise<readonly string[]> {
    const rows = await sql<{ userId: string }[]>`
      select user_id as "userId" from budget_member where tenant_id = ${tenantId} and group_id = ${groupId}`;
    return rows.map(({ userId }) => userId);
  }

  /** From the first to the last start of whoever is asked for, tags apart; undefined when there is none. */
  async function findBounds({ tenantId, userId, keyId, fromMs, toMs }: UsageFilter): Promise<Span | undefined> {
    const [found] = await sql<{ first: Date | null; last: Date | null }[]>`
      select min(started_at) as first, max(started_at) as last from usage
      where ${matches({ tenantId, userId, keyId, fromMs, toMs })}`;
    return found?.first && found.last ? { fromMs: found.first.getTime(), toMs: found.last.getTime() + 1 } : undefined;
  }

  /** Whether there are so many such rows that they are not to be fetched one by one. Looks no further than that takes. */
  async function hasMany(condition: Condition): Promise<boolean> {
    const [found] = await planned(
      (tx) => tx<{ rows: number }[]>`
        select count(*)::int as rows from (select from usage where ${condition} limit ${maxFetched + 1}) as found`,
    );
    return (found?.rows ?? 0) > maxFetched;
  }

  /** Span by span, each twice as long as the one before while few have the tags, and half as long where many do. */
  async function listTagged(filter: TaggedFilter, part: ListPart): Promise<UsageRow[]> {
    const { after, limit, order } = part;
    const isBack = order.isDescending;
    const rest = after && (isBack ? { toMs: after.startedAtMs + 1 } : { fromMs: after.startedAtMs });
    let left = await findBounds({ ...filter, ...rest });
    const rows: UsageRow[] = [];
    for (let lengthMs = dayMs; left && rows.length < limit; ) {
      const length = Math.min(lengthMs, left.toMs - left.fromMs);
      const span: Span = isBack
        ? { fromMs: left.toMs - length, toMs: left.toMs }
        : { fromMs: left.fromMs, toMs: left.fromMs + length };
      const ofSpan = { ...filter, ...span };
      const isCommon = await hasMany(byTag(ofSpan));
      if (isCommon && length > dayMs) {
        lengthMs = Math.max(dayMs, Math.ceil(length / 2));
        continue;
      }
      const source = isCommon ? sql`usage` : found(byTag(ofSpan));
      rows.push(...(await listFrom(source, ofSpan, { ...part, limit: limit - rows.length })));
      if (!isCommon) lengthMs = 2 * length;
      const next = isBack ? { ...left, toMs: span.fromMs } : { ...left, fromMs: span.toMs };
      left = next.fromMs < next.toMs ? next : undefined;
    }
    return rows;
  }

  /** By the first of the conditions that few rows meet, where there is one. */
  async function listFew(conditions: readonly Condition[], filter: AskedFilter, part: ListPart): Promise<UsageRow[]> {
    for (const condition of conditions) {
      if (!(await hasMany(condition))) return listFrom(found(condition), filter, part);
    }
    return listFrom(sql`usage`, filter, part);
  }

  async function list({ groupId, ...filter }: UsageFilter, part: ListPart): Promise<UsageRow[]> {
    const { tags, tenantId } = filter;
    const userIds = groupId === undefined ? undefined : await listMembers(tenantId, groupId);
    if (userIds?.length === 0) return [];
    const asked = { ...filter, userIds };
    if (tags === undefined) return listFew(part.order.by === "time" ? byRanges(asked) : [], asked, part);
    const tagged = { ...asked, tags };
    if (part.order.by === "time") return listTagged(tagged, part);
    return listFew([byTag(tagged)], tagged, part);
  }

  return {
    /** From behind `after` on; the newest first unless another order is given. */
    listUsage: (filter: UsageFilter, after: UsagePlace | undefined, limit: number, order: UsageOrder = newestFirst) =>
      list(filter, { after, limit, order }),

    /** Oldest first, from behind `after` on. */
    listUsageForward: (filter: UsageFilter, after: UsagePlace | undefined, limit: number) =>
      list(filter, { after, limit, order: { by: "time", isDescending: false } }),

    /** The oldest transaction that may still record something. */
    async findRecordHorizon(): Promise<bigint> {
      const [found] = await sql<{ horizon: bigint }[]>`
        select (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint as horizon`;
      return found?.horizon ?? 0n;
    },

    /** From behind a place up to a transaction, which is not in it, in the order of recording; of all tenants unless one is given. */
    async listRecorded(
      tenantId: string | undefined,
      { recordedBy, callId, attempt }: RecordPlace,
      end: bigint,
      limit: number,
    ): Promise<(UsageRow & { readonly recordedBy: bigint })[]> {
      const rows = await sql<UsageColumns<UsageRow & { readonly recordedBy: bigint }>[]>`
        select ${rowColumns()}, recorded_by as "recordedBy" from usage
        where recorded_by >= ${recordedBy} and recorded_by < ${end}
          and (recorded_by, call_id, attempt) > (${recordedBy}::bigint, ${callId}::text, ${attempt}::smallint)
          ${tenantId === undefined ? sql`` : sql`and tenant_id = ${tenantId}`}
        order by recorded_by, call_id, attempt limit ${limit}`;
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
