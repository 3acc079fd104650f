import assert from "node:assert/strict";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { openCluster } from "@lyss/kit/db/cluster.ts";
import { postgres } from "@lyss/kit/db/driver.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createTestDatabase } from "@lyss/kit/testing/postgres.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { deriveTestKey, silentLog, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import type { Fact } from "../fact.ts";
import { billing } from "../service.ts";
import { createBillingStore } from "../store.ts";
import { createDayStore } from "./day-store.ts";

const dayMs = 86_400_000;
const usageRetentionDays = 60;
const service = await startTestService({ after }, billing, {
  clients: {},
  config: { billing: { usageRetentionDays } },
});
const { ops, sql, random } = service;
/** One nano per input token. */
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n };
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
const [{ nowMs } = { nowMs: 0 }] = await sql<{ nowMs: number }[]>`
  select (extract(epoch from date_trunc('day', now(), 'UTC')) * 1000)::float8 as "nowMs"`;
const balanceNanos = 1_000_000_000n;

async function createTenant(): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "grant" });
  return tenantId;
}

/** An attempt that cost 10 nanos, of a lease that is no more. */
function factOf(tenantId: string, daysAgo: number, more: Partial<Fact> = {}): Fact {
  return {
    ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_gone", requestId: "req_1", tenantId, keyId: "key_1" },
    ...{ userId: "usr_1", provider: "p", model: "m", priceId: price?.priceId ?? "", outcome: "completed" },
    ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n, isEstimated: false, latencyMs: 5n },
    startedAtMs: BigInt(nowMs - daysAgo * dayMs),
    ...more,
  };
}

async function listDays(): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select relname as name from pg_inherits join pg_class on oid = inhrelid
    where inhparent = 'usage'::regclass order by relname`;
  return rows.map(({ name }) => name.slice("usage_".length));
}

const nameOf = (daysAgo: number) => new Date(nowMs - daysAgo * dayMs).toISOString().slice(0, 10).replaceAll("-", "");

async function spentOf(tenantId: string): Promise<bigint> {
  return balanceNanos - (await ops.getBalance({ tenantId })).balanceNanos;
}

test("usage has a day of its own to go to before it is used, and the job opens the week ahead", async () => {
  const usual = Array.from({ length: 9 }, (_, n) => nameOf(1 - n));
  assert.deepEqual(await listDays(), usual);
  await sql.unsafe(`drop table usage_${nameOf(-7)}, usage_${nameOf(0)}`);
  await Promise.all([ops.keepUsageDays(), ops.keepUsageDays()]);
  assert.deepEqual(await listDays(), usual);
});

test("a call is settled though its day is not open yet", async () => {
  const tenantId = await createTenant();
  const names = {
    callId: random.id("call"),
    tenantId,
    requestId: "r",
    keyId: "k",
    userId: "u",
    provider: "p",
    model: "m",
  };
  await ops.reserveCall({ ...names, inputTokens: 10n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1n });
  await sql.unsafe(`drop table usage_${nameOf(0)}`);
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n };
  const end = { ...names, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 1n } as const;
  await Promise.all([ops.settleCall(end), ops.settleCall(end)]);
  assert.equal(await spentOf(tenantId), 10n);
});

test("a call that was lost ten days ago gives way to the report that comes now, in the day in which it began", async () => {
  const tenantId = await createTenant();
  const names = {
    callId: random.id("call"),
    tenantId,
    requestId: "r",
    keyId: "k",
    userId: "u",
    provider: "p",
    model: "m",
  };
  await ops.reserveCall({ ...names, inputTokens: 10n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1n });
  const began = new Date(nowMs - 10 * dayMs + 1);
  await sql`update hold set created_at = ${began}, expires_at = ${began} where call_id = ${names.callId}`;
  await createDayStore(sql as never).open([began.toISOString().slice(0, 10)]);
  await ops.expireHolds();
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n };
  const end = { ...names, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 1n } as const;
  const rows = () => sql`
    select tableoid::regclass::text as part, outcome, started_at from usage where call_id = ${names.callId}`;
  const part = `usage_${nameOf(10)}`;
  assert.deepEqual([...(await rows())], [{ part, outcome: "lost", started_at: began }]);
  for (const _ of [1, 2]) await ops.settleCall(end);
  assert.deepEqual([...(await rows())], [{ part, outcome: "completed", started_at: began }]);
  assert.equal(await spentOf(tenantId), 10n);
});

test("B22: usage events replayed three times in any order over 33 days are counted once each", async () => {
  const seed = random.bytes(4).readUInt32LE();
  const { between } = createSeeded(seed);
  const count = process.env["SCENARIO_FULL"] ? 1_000_000 : 6_000;
  const batchSize = process.env["SCENARIO_FULL"] ? 5_000 : 300;
  const tenantIds = await Promise.all([createTenant(), createTenant(), createTenant()]);
  const facts = Array.from({ length: count }, () =>
    factOf(tenantIds[between(0, 2)] ?? "", between(0, 33), { attempt: between(1, 3) }),
  );
  const replayed = [...facts, ...facts, ...facts];
  for (let i = replayed.length - 1; i > 0; i--) {
    const j = between(0, i);
    [replayed[i], replayed[j]] = [replayed[j] as Fact, replayed[i] as Fact];
  }
  let next = 0;
  let repeated = 0;
  const post = async () => {
    while (next < replayed.length) {
      const batch = replayed.slice(next, next + batchSize);
      next += batchSize;
      const posted = await ops.postFacts({ facts: batch });
      repeated += posted.repeated;
    }
  };
  await Promise.all([post(), post(), post()]);
  assert.equal(repeated, 2 * count, `seed ${seed}`);
  const [counted] = await sql`
    select count(*)::int as rows, count(distinct (call_id, attempt))::int as attempts, sum(cost_nanos)::bigint as cost
    from usage where tenant_id = any(${tenantIds})`;
  assert.deepEqual({ ...counted }, { rows: count, attempts: count, cost: `${10 * count}` }, `seed ${seed}`);
  const spent = await Promise.all(tenantIds.map(spentOf));
  assert.equal(
    spent.reduce((sum, nanos) => sum + nanos),
    BigInt(10 * count),
    `seed ${seed}`,
  );
  await assertIntegrity(ops);
});

test("B22: facts that others are posting one after the other are charged once each, and nobody is refused", async () => {
  const tenantIds = await Promise.all(Array.from({ length: 12 }, createTenant));
  const facts = tenantIds.map((tenantId, i) => factOf(tenantId, 1, { callId: `call_${10 + i}` }));
  const untilWaiting = (count: number) =>
    waitUntil(async () => {
      const [row] = await sql`
        select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return row?.["waiting"] === count;
    });
  /** Posts one, which then waits for its wallet with its row written: so does whoever posts it, too. */
  const begin = async (i: number) => {
    const locked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const ended = service.db.transaction(async (tx) => {
      await tx`select from wallet where tenant_id = ${tenantIds[i] ?? ""} for update`;
      locked.resolve();
      await released.promise;
    });
    await locked.promise;
    const posted = ops.postFacts({ facts: facts.slice(i, i + 1) });
    return async () => {
      released.resolve();
      await Promise.all([ended, posted]);
    };
  };
  const ends = [await begin(0)];
  await untilWaiting(1);
  ends.push(await begin(1));
  await untilWaiting(2);
  const all = ops.postFacts({ facts });
  for (let i = 0; i < facts.length; i++) {
    await untilWaiting(Math.min(3, facts.length - i + 1));
    await ends[i]?.();
    if (i + 2 >= facts.length) continue;
    await untilWaiting(2);
    ends.push(await begin(i + 2));
  }
  assert.deepEqual(await all, { uncollectedNanos: 0n, repeated: 12 });
  assert.deepEqual(await Promise.all(tenantIds.map(spentOf)), Array(12).fill(10n));
  await assertIntegrity(ops);
});

test("old days are dropped when a retention is set; what comes for them later is not charged, and the journal keeps all", async () => {
  const tenantId = await createTenant();
  const [old, older, kept] = [factOf(tenantId, 61), factOf(tenantId, 75), factOf(tenantId, 60)];
  await ops.postFacts({ facts: [old, older, kept] });
  await Promise.all([ops.keepUsageDays(), ops.keepUsageDays()]);
  assert.equal((await listDays())[0], nameOf(60));
  assert.deepEqual(await ops.postFacts({ facts: [old, kept, factOf(tenantId, 62), factOf(tenantId, 1)] }), {
    uncollectedNanos: 0n,
    repeated: 3,
  });
  assert.equal(await spentOf(tenantId), 40n);
  assert.deepEqual((await ops.rebuildBalances({ apply: false })).rows, []);
  const [posted] = await sql`
    select sum(amount_nanos)::int as nanos from entry join wallet on account = 'wallet:' || wallet_id
    where tenant_id = ${tenantId} and amount_nanos < 0`;
  assert.equal(posted?.["nanos"], -40);
});

test("the service's own role cannot drop a day that it has to keep, nor a row, nor open again what is gone", async () => {
  await sql.begin(async (tx) => {
    await tx`set local role lyss_billing`;
    for (const [statement, message] of [
      ["select drop_usage_day(39)", /at least/],
      [`delete from usage_${nameOf(0)}`, /permission denied/],
      [`drop table usage_${nameOf(0)}`, /must be owner/],
      ["update usage_retention set kept_from = '-infinity'", /permission denied/],
      ["delete from usage", /permission denied/],
    ] as const) {
      await assert.rejects(
        tx.savepoint((inner) => inner.unsafe(statement)),
        message,
      );
    }
  });
});

/** Billing's migrations up to a number, in a folder of their own. */
function migrationsUpTo(t: TestScope, last: number): URL {
  const all = fileURLToPath(billing.migrations ?? "");
  const folder = createTempFolder(t);
  for (const name of readdirSync(all).filter((file) => Number(file.slice(0, 4)) <= last)) {
    copyFileSync(join(all, name), join(folder, name));
  }
  return pathToFileURL(`${folder}/`);
}

async function migrateTo(adminUrl: string, migrations: URL | undefined): Promise<void> {
  const shared = { adminUrl, deriveKey: deriveTestKey, maxConnections: 10, log: silentLog, clock: systemClock };
  const cluster = openCluster(shared);
  await cluster.prepare([{ name: "billing", migrations }]);
  await cluster.close();
}

test("a filled database is brought to days with every row as it was, and its hourly sums have days added to them", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  await migrateTo(adminUrl, migrationsUpTo(t, 7));
  const admin = postgres(adminUrl, { max: 1, connection: { search_path: "billing" } });
  t.after(() => admin.end());
  await admin`
    insert into usage (call_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model, price_id, outcome,
      input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos, latency_ms, created_at,
      attempt, lease_id, posting_id, started_at)
    select 'call_' || n, 'wal_1', 'ten_' || n % 2, 'req', 'key', 'usr', 'p', 'm', 'prc', case n % 5 when 0 then 'lost' else 'completed' end,
      n, 1, 2, n % 2 = 0, n, 0, 5, '2026-01-31T23:59:59.123456Z'::timestamptz + n * interval '2 hours',
      1 + n % 3, 'lse', 'pst', case n % 4 when 0 then null else '2026-01-31T20:00:00.5Z'::timestamptz + n * interval '2 hours' end
    from generate_series(1, 500) as n`;
  await admin`
    insert into usage_hour
    select 'ten_' || n % 2, '2026-01-31T20:00Z'::timestamptz + n * interval '1 hour', 'key', 'usr', 'p', 'm', n, 1, 2, 3, n, 5
    from generate_series(1, 100) as n`;
  const hours = [...(await admin`select * from usage_hour order by hour`)];
  const rows = () => admin`
    select u::jsonb - 'started_at' - 'tags' - 'recorded_by' - 'continues_attempt' - 'is_streamed' - 'first_token_ms' - 'error' as row, coalesce(started_at, date_trunc('milliseconds', created_at)) as started_at
    from (select to_jsonb(usage) as u, started_at, created_at from usage) as usage order by u ->> 'call_id'`;
  const before = [...(await rows())];
  await migrateTo(adminUrl, billing.migrations);
  assert.equal(before.length, 500);
  assert.deepEqual([...(await rows())], before);
  const [days] = await admin`
    select count(distinct tableoid)::int as tables, count(distinct (started_at at time zone 'UTC')::date)::int as days from usage`;
  assert.deepEqual([days?.["tables"], days?.["tables"]], [days?.["days"], 43]);
  const kept = await admin`
    select unit, start, tag, tenant_id, key_id, user_id, provider, model, calls, input_tokens, cached_input_tokens, output_tokens,
      cost_nanos, uncollected_nanos
    from usage_sum where unit = 'hour' order by start`;
  assert.deepEqual(
    kept.map(({ unit, start, tag, ...row }) => ({ ...row, hour: start })),
    hours,
  );
  const [sums] = await admin`
    select count(*)::int as rows, sum(calls)::int as calls, sum(uncollected_nanos)::int as uncollected, min(start) as first
    from usage_sum where unit = 'day'`;
  assert.deepEqual({ ...sums }, { rows: 11, calls: 5_050, uncollected: 500, first: new Date("2026-01-31T00:00Z") });
});

test("tags of calls that are there when sums by tag come are in those, whatever was used", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  await migrateTo(adminUrl, migrationsUpTo(t, 22));
  const admin = postgres(adminUrl, { max: 1, connection: { search_path: "billing" } });
  t.after(() => admin.end());
  await admin`select open_usage_day('2026-01-31'), open_usage_day('2026-02-01')`;
  await admin`
    insert into usage (call_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model, price_id, outcome,
      input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos, latency_ms, attempt, lease_id,
      posting_id, started_at, tags, other_buckets)
    select 'call_' || n, 'wal_1', 'ten_1', 'req', 'key_' || n % 2, 'usr', 'p', 'm', 'prc', 'completed', 10, 1, 2, false, n, 0, 5, 1, 'lse',
      'pst', '2026-01-31T22:30Z'::timestamptz + n * interval '1 hour',
      case when n < 3 then array['env=prod', 'team=' || n] end, case when n = 2 then '{"audioInput": 4, "reasoning": 5, "images": 6}'::jsonb end
    from generate_series(0, 3) as n`;
  await migrateTo(adminUrl, billing.migrations);
  const sums = await admin`
    select unit, start, tag, key_id, calls::int, input_tokens::int as input, output_tokens::int as output, cost_nanos::int as cost
    from usage_sum order by unit, start, tag, key_id`;
  assert.deepEqual(
    sums.map((row) =>
      Object.values(row)
        .map((value) => (value instanceof Date ? value.toISOString().slice(5, 13) : value))
        .join(" "),
    ),
    [
      "tag_day 01-31T00 env=prod key_0 1 10 2 0",
      "tag_day 01-31T00 env=prod key_1 1 10 2 1",
      "tag_day 01-31T00 team=0 key_0 1 10 2 0",
      "tag_day 01-31T00 team=1 key_1 1 10 2 1",
      "tag_day 02-01T00 env=prod key_0 1 14 7 2",
      "tag_day 02-01T00 team=2 key_0 1 14 7 2",
      "tag_hour 01-31T22 env=prod  1 10 2 0",
      "tag_hour 01-31T22 team=0  1 10 2 0",
      "tag_hour 01-31T23 env=prod  1 10 2 1",
      "tag_hour 01-31T23 team=1  1 10 2 1",
      "tag_hour 02-01T00 env=prod  1 14 7 2",
      "tag_hour 02-01T00 team=2  1 14 7 2",
    ],
  );
  const [differing] = await admin`
    select count(*)::int from (select * from usage_sum except select * from usage_sum_earlier_tags) as differing`;
  assert.equal(differing?.["count"], 0, "rebuilds begin with them");
});

test("whether a call has ended is asked with a plan that is made once, however many calls ask", async () => {
  const store = createBillingStore(service.db.sql);
  const known = factOf(await createTenant(), 1);
  await ops.postFacts({ facts: [known] });
  const plans = await service.db.transaction(async (tx) => {
    for (let tries = 0; tries < 20; tries++) {
      // As when the days have grown since: the plan that was kept is dropped, and another seems dearer than those before.
      if (tries === 10) {
        await tx`set local seq_page_cost = 1000`;
        await tx`set local random_page_cost = 4000`;
        await tx`discard plans`;
      }
      const callIds = [...Array.from({ length: tries % 3 }, () => random.id("call")), known.callId];
      for (const find of [store.findRecentUsage, store.findUsage]) {
        assert.deepEqual(
          (await find(tx, callIds)).map(({ callId }) => callId),
          [known.callId],
        );
      }
    }
    return tx<{ kept: number }[]>`
      select generic_plans::int as kept from pg_prepared_statements
      where statement like '%from usage%call_id = any(%'
        and statement not like '%pg_prepared_statements%'`;
  });
  assert.equal(plans.length, 2);
  // Others may have asked before on the same connection.
  for (const { kept } of plans) assert.ok(kept >= 20, `${kept} of 20`);
});
