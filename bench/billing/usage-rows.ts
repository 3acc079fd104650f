import { durationBounds, durationBuckets } from "@lyss/services/billing/usage/durations.ts";
import type { OpenBilling } from "./open-billing.ts";

/** How much usage there is. */
export interface UsagePlan {
  readonly rows: number;
  readonly days: number;
  readonly tenants: number;
  /** Of all rows, those of the first tenant. */
  readonly largestShare: number;
  /** False where nobody asks for sums. */
  readonly withSums?: boolean;
}

export const largestTenant = "ten_bench_0";
const dayMs = 86_400_000;
const keptMinuteDays = 14;

/** Of the largest tenant; others have a tenth of them. */
export const keys = 40;
/** Each key is a person's, each model a provider's. */
export const users = 25;

/** So many days are filled at once. */
const fillers = 2;

type Sql = OpenBilling["service"]["sql"];
type Tx = Parameters<Parameters<Sql["begin"]>[1]>[0];

/**
 * Fills the usage of so many days, up to this one, and the sums of it. Each day is filled before it is one of usage's, so that its
 * indexes are built at once. Repeats with the same rows: what is random comes from the number of a row.
 */
export async function fillUsage({ service: { sql } }: OpenBilling, plan: UsagePlan, nowMs: number): Promise<void> {
  const todayMs = Math.floor(nowMs / dayMs) * dayMs;
  // Yesterday is open from the start.
  await sql`drop table ${sql(partOf(new Date(todayMs - dayMs)))}`;
  const indexes = await sql<{ sql: string }[]>`
    select indexdef as sql from pg_indexes where schemaname = current_schema and tablename = 'usage' and indexname <> 'usage_pkey'`;
  let next = 0;
  const fillDays = async () => {
    for (let day = next++; day < plan.days; day = next++) {
      const start = new Date(todayMs - (plan.days - day) * dayMs);
      await sql.begin(async (tx) => {
        await tx`select set_config(name, value, true) from (values ('work_mem', '128MB'), ('maintenance_work_mem', '256MB'),
          ('max_parallel_maintenance_workers', '0'), ('statement_timeout', '0')) as settings (name, value)`;
        await fillDay(tx, plan, day, start);
        for (const index of indexes)
          await tx.unsafe(index.sql.replace(/ON ONLY \S+/, `ON ${partOf(start)}`).replace(/INDEX \S+/, "INDEX"));
        const isRecent = start.getTime() >= nowMs - keptMinuteDays * dayMs;
        if (plan.withSums !== false)
          await sumUp(tx, partOf(start), isRecent ? ["minute", "hour", "day"] : ["hour", "day"]);
        await attach(tx, start);
      });
      await sql`vacuum (analyze) ${sql(partOf(start))}`;
    }
  };
  await Promise.all(Array.from({ length: fillers }, fillDays));
  await sql`
    insert into budget_member select ${largestTenant}::text, 'usr_0_' || n, 'grp_' || n % 5 from generate_series(0, ${users - 1}::int) as n
    union all select ${largestTenant}, 'usr_0_none', 'grp_rare'`;
  await sql`analyze usage`;
  await sql`vacuum (analyze) usage_sum`;
}

function partOf(day: Date): string {
  return `usage_${day.toISOString().slice(0, 10).replaceAll("-", "")}`;
}

async function fillDay(tx: Tx, plan: UsagePlan, day: number, start: Date): Promise<void> {
  const rowsPerDay = Math.ceil(plan.rows / plan.days);
  const first = day * rowsPerDay;
  const part = tx(partOf(start));
  const random = (seed: number) => tx`((hashint8extended(n, ${seed}) & 1048575) / 1048576.0)`;
  await tx`create table ${part} (like usage including defaults including constraints)`;
  await tx`
    insert into ${part} (call_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model, price_id, outcome, input_tokens,
      cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos, latency_ms, posting_id, lease_id,
      started_at, created_at, tags, is_streamed, first_token_ms, error)
    select 'call_' || lpad(to_hex(n), 26, '0'), 'wal_bench_' || tenant, 'ten_bench_' || tenant, 'req_' || lpad(to_hex(n), 26, '0'),
      'key_' || tenant || '_' || key, 'usr_' || tenant || '_' || key % ${users}::int, 'provider-' || model % 4,
      case when n % 100003 = 0 then 'model-rare' else 'model-' || model end, 'prc_bench',
      case when n % 50021 = 0 then 'lost' when ${random(6)} < 0.94 then 'completed' when ${random(6)} < 0.97 then 'failed'
        when ${random(6)} < 0.99 then 'canceled' else 'truncated' end,
      100 + n % 3000, n % 500, 50 + n % 700, n % 50 = 0, 100000 + n % 900000 + case when n % 9967 = 0 then 1000000000 else 0 end, 0,
      400 + n % 4000 + case when n % 9973 = 0 then 60000 else 0 end, 'pst_' || n / 500, 'lse_' || n / 5000,
      ${start}::timestamptz + ${random(7)} * interval '86399.999 seconds', ${start}::timestamptz + interval '1 day',
      case when ${random(8)} < 0.3 then array['env=' || case when ${random(9)} < 0.9 then 'prod' else 'test' end,
        'team=team-' || case when n % 100019 = 0 then 'rare' else floor(${random(10)} ^ 2 * 8)::text end] end,
      key % 3 <> 0, case when key % 3 <> 0 then 120 + n % 700 end,
      case when n % 50021 = 0 then null
        when ${random(6)} >= 0.94 and ${random(6)} < 0.97 then (array['timeout', 'rate_limited', 'overloaded', 'provider_failed'])[1 + n % 4]
        when ${random(6)} >= 0.99 then case when n % 1009 = 0 then 'blocked' else 'broken_off' end end
    from (
      select n, tenant, floor(${random(2)} * case when tenant = 0 then ${keys}::int else ${keys / 10}::int end)::int as key,
        floor(${random(5)} ^ 2 * 12)::int as model
      from (
        select n, case when ${random(1)} < ${plan.largestShare}::float8 then 0 else 1 + floor(${random(11)} ^ 3 * ${plan.tenants - 1}::int) end as tenant
        from generate_series(${first}::bigint, ${first + rowsPerDay - 1}::bigint) as n
      ) as drawn
    ) as rows`;
  await tx`alter table ${part} add primary key (call_id, attempt, started_at)`;
}

async function attach(tx: Tx, start: Date): Promise<void> {
  const end = new Date(start.getTime() + dayMs);
  await tx.unsafe(
    `alter table usage attach partition ${partOf(start)} for values from ('${start.toISOString()}') to ('${end.toISOString()}')`,
  );
}

const lower = `array[${durationBounds.map((bound) => bound + 1)}]`;
/** The buckets of a row: that of its latency where the answer was whole, and of its first token where it was streamed. */
const buckets = `case when outcome in ('completed', 'cached') then width_bucket(latency_ms::int, ${lower}) end as latency,
  width_bucket(first_token_ms, ${lower}) as first_token`;
const bucketCounts = ["latency", "first_token"]
  .flatMap((kind) =>
    Array.from({ length: durationBuckets }, (_, bucket) => `nullif(count(*) filter (where ${kind} = ${bucket}), 0)`),
  )
  .join(", ");

/** What the projection would have made of the events of these rows. */
async function sumUp(tx: Tx, part: string, units: readonly string[]): Promise<void> {
  const sums = tx`count(*), sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(cost_nanos), sum(uncollected_nanos)`;
  for (const unit of units) {
    await tx`
      insert into usage_sum
      select tenant_id, ${unit}, date_trunc(${unit}, started_at, 'UTC') as start, key_id, user_id, provider, model, ${sums}, '',
        count(*) filter (where outcome in ('failed', 'truncated')), ${tx.unsafe(bucketCounts)}
      from ${tx(part)} cross join lateral (select ${tx.unsafe(buckets)}) as durations group by tenant_id, start, key_id, user_id, provider, model`;
  }
  await tx`
    insert into usage_sum
    select tenant_id, 'tag_hour', date_trunc('hour', started_at, 'UTC') as start, '', '', provider, model, ${sums}, tag
    from ${tx(part)} cross join unnest(tags) as tag where tags is not null group by tenant_id, start, provider, model, tag`;
  await tx`
    insert into usage_sum
    select tenant_id, 'tag_day', date_trunc('day', started_at, 'UTC') as start, key_id, user_id, provider, model, ${sums}, tag
    from ${tx(part)} cross join unnest(tags) as tag where tags is not null group by tenant_id, start, key_id, user_id, provider, model, tag`;
}
