import { inputBuckets, type ServiceMode } from "@lyss/contracts/pricing/price.ts";
import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import type { Sql } from "@lyss/kit/db/database.ts";
import type { OtherBucketsJson } from "../prices/terms-json.ts";

/** A part of a wallet's journal: the postings behind `after`, up to `through`. */
export interface JournalRange {
  readonly walletId: string;
  readonly after: bigint;
  readonly through: bigint;
}

/** A posting that is no charge of a call, as the wallet sees it. */
export interface MovementRow {
  readonly postingId: string;
  readonly kind: string;
  readonly reference: string;
  readonly postedAt: Date;
  readonly amountNanos: bigint;
  /** The account on the other side; the first of several. */
  readonly counterparty: string;
  /** The time that a correction is about. */
  readonly aboutAt: Date | null;
  readonly note: string;
}

/** Calls that were charged at the same rates. */
export interface UsageSumRow {
  readonly provider: string;
  readonly model: string;
  readonly priceId: string;
  readonly mode: ServiceMode | null;
  /** How many tiers of the price their input is above. */
  readonly tier: number;
  /** Places of the price's windows in which they began, with commas between them. */
  readonly windows: string;
  /** Input of all kinds, and the beginning, of one of these calls: the rates of all follow from them. */
  readonly sampleInputTokens: bigint;
  readonly sampleBeganAt: Date;
  /** The day on which the earlier period begins in which the calls began; empty for calls of this one. */
  readonly aboutPeriod: string;
  readonly calls: bigint;
  readonly estimatedCalls: bigint;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  /** Null, or without a bucket, for none. */
  readonly otherBuckets: OtherBucketsJson;
  readonly paidNanos: bigint;
  readonly uncollectedNanos: bigint;
}

export interface UsageSumQuery extends JournalRange {
  readonly tenantId: string;
  /** Calls that began from then on, and before `untilMs`. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly periodStartMs: number;
  readonly anchorDay: number;
}

/** Postings that one statement reads at most: so that none takes long. */
export const maxPostingsPerRead = 20_000n;

/** What statements read of the journal and of usage. One method, one statement. */
export function createStatementStore(sql: Sql) {
  const others = otherBucketNames
    .map((bucket) => sql`${bucket}::text, nullif(sum((other_buckets ->> ${bucket})::bigint), 0)::text`)
    .reduce((all, one) => sql`${all}, ${one}`);
  const otherInput = otherBucketNames
    .filter((bucket) => (inputBuckets as readonly string[]).includes(bucket))
    .map((bucket) => sql`coalesce((other_buckets ->> ${bucket})::bigint, 0)`)
    .reduce((all, one) => sql`${all} + ${one}`);
  const minute = sql`(extract(epoch from began_at)::bigint / 60 % 1440)`;
  const [from, to] = [sql`(w ->> 'fromMinute')::integer`, sql`(w ->> 'toMinute')::integer`];
  const isWithin = sql`case when ${from} <= ${to} then ${minute} >= ${from} and ${minute} < ${to}
    else ${minute} >= ${from} or ${minute} < ${to} end`;

  return {
    /** The last posting of a wallet that was made before a time; 0 when there is none. */
    async findSequenceBefore(walletId: string, timeMs: number): Promise<bigint> {
      const [found] = await sql<{ sequence: bigint }[]>`
        select sequence from posting where chain = ${walletId} and created_at < ${new Date(timeMs)}
        order by sequence desc limit 1`;
      return found?.sequence ?? 0n;
    },

    /** What the wallet had behind its posting `through`: the balance less everything that came later, seen at one moment. */
    async readBalanceAt({ walletId, through }: Omit<JournalRange, "after">): Promise<bigint> {
      const [found] = await sql<{ balanceNanos: bigint }[]>`
        select (balance_nanos - coalesce((
          select sum(amount_nanos) from posting join entry using (posting_id)
          where chain = wallet_id and sequence > ${through} and account = 'wallet:' || wallet_id
        ), 0))::bigint as "balanceNanos" from wallet where wallet_id = ${walletId}`;
      return found?.balanceNanos ?? 0n;
    },

    /** What the charges of calls in the range come to; positive. */
    async sumCharges({ walletId, after, through }: JournalRange): Promise<{ nanos: bigint; postings: bigint }> {
      const [sum] = await sql<{ nanos: bigint; postings: bigint }[]>`
        select coalesce(-sum(amount_nanos), 0)::bigint as nanos, count(*)::bigint as postings
        from posting join entry using (posting_id)
        where chain = ${walletId} and sequence > ${after} and sequence <= ${through}
          and kind in ('usage', 'charge') and account = ${`wallet:${walletId}`}`;
      return sum ?? { nanos: 0n, postings: 0n };
    },

    /** Everything else in the range, in the journal's order. */
    listMovements({ walletId, after, through }: JournalRange): Promise<MovementRow[]> {
      return sql<MovementRow[]>`
        select posting_id as "postingId", kind, reference, created_at as "postedAt", amount_nanos as "amountNanos",
          coalesce((
            select min(other.account) from entry other
            where other.posting_id = posting.posting_id and other.account <> entry.account
          ), '') as counterparty,
          about_at as "aboutAt", coalesce(note, '') as note
        from posting join entry using (posting_id) left join posting_subject using (posting_id)
        where chain = ${walletId} and sequence > ${after} and sequence <= ${through}
          and kind not in ('usage', 'charge') and account = ${`wallet:${walletId}`}
        order by sequence`;
    },

    /** Calls that postings of the range charge, summed up by what they were charged at. */
    listUsageSums(query: UsageSumQuery): Promise<UsageSumRow[]> {
      const { walletId, after, through, tenantId, anchorDay } = query;
      const [start, until, periodStart] = [query.fromMs, query.untilMs, query.periodStartMs].map((ms) => new Date(ms));
      const days = anchorDay - 1;
      return sql<UsageSumRow[]>`
        select provider, model, "priceId", mode, tier, windows, "aboutPeriod", min(input)::bigint as "sampleInputTokens",
          min(began_at) as "sampleBeganAt", count(*)::bigint as calls,
          count(*) filter (where is_estimated)::bigint as "estimatedCalls", sum(input_tokens)::bigint as "inputTokens",
          sum(cached_input_tokens)::bigint as "cachedInputTokens", sum(output_tokens)::bigint as "outputTokens",
          jsonb_strip_nulls(jsonb_build_object(${others})) as "otherBuckets",
          sum(cost_nanos)::bigint as "paidNanos", sum(uncollected_nanos)::bigint as "uncollectedNanos"
        from (
          select used.*, used.price_id as "priceId", service_mode as mode,
            case when terms ? 'tiers' then (
              select count(*) from jsonb_array_elements(terms -> 'tiers') t
              where (t ->> 'aboveInputTokens')::bigint < input
            ) else 0 end::integer as tier,
            case when terms ? 'windows' then (
              select coalesce(string_agg(place::text, ',' order by place), '')
              from jsonb_array_elements(terms -> 'windows') with ordinality as windows (w, place) where ${isWithin}
            ) else '' end as windows,
            case when began_at >= ${periodStart ?? null} then '' else to_char(date_trunc('month',
              began_at at time zone 'UTC' - make_interval(days => ${days})) + make_interval(days => ${days}), 'YYYY-MM-DD')
            end as "aboutPeriod"
          from (
            select *, started_at as began_at,
              input_tokens + cached_input_tokens + ${otherInput} as input from usage
          ) used
          join posting using (posting_id)
          join price on price.price_id = split_part(used.price_id, '+', 1)
          where used.tenant_id = ${tenantId} and started_at >= ${start ?? null} and started_at < ${until ?? null}
            and posting.chain = ${walletId} and posting.sequence > ${after} and posting.sequence <= ${through}
        ) charged
        group by provider, model, "priceId", mode, tier, windows, "aboutPeriod"`;
    },
  };
}

export type StatementStore = ReturnType<typeof createStatementStore>;
