import assert from "node:assert/strict";
import { after, test } from "node:test";
import { usageRecorded } from "@lyss/contracts/events/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Outcome, Usage } from "../model.ts";
import { noTokens } from "../model.ts";
import { billing } from "../service.ts";
import { type CallSum, splitSums } from "./usage-log.ts";

const hourMs = 3_600_000;
const clock = createFakeClock();
/** Dates stand still until they are told to move; waits are real. */
const service = await startTestService({ after }, billing, {
  clients: {},
  clock: { ...systemClock, nowMs: clock.nowMs },
});
const { ops, sql, random } = service;
await service.hear();
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 2_000_000n };
const models = ["m1", "m2"] as const;
await ops.putPrices({ tenantId: "", prices: models.map((model) => ({ provider: "p", model, ...rates })) });

async function createTenant(): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000_000_000n, reference: "start", source: "grant" });
  return tenantId;
}

interface Call {
  readonly tenantId: string;
  readonly callId: string;
}

async function reserve(
  tenantId: string,
  names: { keyId?: string; userId?: string; model?: string } = {},
): Promise<Call> {
  const callId = random.id("call");
  const facts = { requestId: "req_1", keyId: "key_1", userId: "usr_1", model: "m1", ...names, provider: "p" };
  const bounds = { inputTokens: 10n, maxOutputTokens: 50n, minOutputTokens: 50n, choices: 1n };
  await ops.reserveCall({ callId, tenantId, ...facts, ...bounds });
  return { tenantId, callId };
}

function settle(call: Call, outputTokens: bigint, outcome: Outcome = "completed"): Promise<Usage> {
  const tokens = outcome === "lost" ? noTokens : { inputTokens: 10n, cachedInputTokens: 3n, outputTokens };
  const startedAtMs = BigInt(clock.nowMs());
  return ops.settleCall({ ...call, ...tokens, outcome, isEstimated: false, latencyMs: 5n, startedAtMs });
}

/** Records a call as lost, as the sweep does once its hold is out of time. */
async function lose(call: Call): Promise<void> {
  await sql`update hold set expires_at = now() - interval '1 minute' where call_id = ${call.callId}`;
  await settle(call, 0n, "lost");
}

const listSums = (tenantId: string, input: Partial<Parameters<typeof ops.listUsageSummary>[0]> = {}) =>
  ops.listUsageSummary({
    ...{ tenantId, fromMs: undefined, toMs: clock.nowMs() + hourMs, groupBy: [] },
    ...{ unit: "hour" as const, limit: 1_000, ...input },
  });

const rowsOf = async (table: string) =>
  (await sql<{ row: string }[]>`select t::text as row from ${sql(table)} t order by 1`).map(({ row }) => row);

test("what settled calls come to is an event of their wallet's stream, written in the settling transaction", async () => {
  const tenantId = await createTenant();
  const calls = await Promise.all(
    Array.from({ length: 250 }, (_, n) => reserve(tenantId, { keyId: `key_${n % 2}`, model: n < 50 ? "m1" : "m2" })),
  );
  await Promise.all(calls.map((call) => settle(call, 5n)));
  const { walletId } = await ops.getBalance({ tenantId });
  type Sum = { keyId: string; model: string; calls: string; costNanos: string };
  const events = await sql<{ revision: number; data: { sums: Sum[] } }[]>`
    select revision::int, data from event_log.event
    where type = ${usageRecorded.type} and stream = ${`usage/${walletId}`} order by revision`;
  assert.deepEqual(
    events.map(({ revision }) => revision),
    events.map((_, n) => n + 1),
  );
  const sums = events.flatMap(({ data }) => data.sums);
  const totals = Object.fromEntries(
    [...Map.groupBy(sums, ({ keyId, model }) => `${keyId} ${model}`)].map(([name, ofName]) => [
      name,
      ofName
        .map((sum) => [Number(sum.calls), Number(sum.costNanos)])
        .reduce(([a = 0, b = 0], [c = 0, d = 0]) => [a + c, b + d]),
    ]),
  );
  assert.deepEqual(totals, {
    ...{ "key_0 m1": [25, 500], "key_1 m1": [25, 500], "key_0 m2": [100, 2_000], "key_1 m2": [100, 2_000] },
  });

  const [call] = await Promise.all([reserve(tenantId)]);
  await sql`alter table usage add constraint broken check (call_id <> ${sql.unsafe(`'${call.callId}'`)}) not valid`;
  await assert.rejects(settle(call, 5n));
  await sql`alter table usage drop constraint broken`;
  const [{ count } = { count: -1 }] = await sql<{ count: number }[]>`
    select count(*)::int from event_log.event where stream = ${`usage/${walletId}`}`;
  assert.equal(count, events.length, "what was not settled is no event");
});

const noDurations = { latency: new Map(), firstToken: new Map() };

test("sums are split so that no event grows too large, whatever the names", () => {
  const sum = (length: number) =>
    ({
      keyId: "",
      userId: "",
      provider: "p",
      model: "\u0001".repeat(length),
      tags: "",
      ...noDurations,
    }) as Partial<CallSum> as CallSum;
  assert.deepEqual(splitSums([]), []);
  const sizes = (length: number, count: number) =>
    splitSums(Array.from({ length: count }, () => sum(length))).map((part) => part.length);
  assert.deepEqual(sizes(1, 401), [200, 200, 1]);
  for (const size of sizes(200, 500)) assert.ok(size * JSON.stringify(sum(200)).length < 200_000);
  assert.deepEqual(sizes(30_000, 3), [1, 1, 1]);
});

test("usage is summed up by minute, hour, day and month, by any of key, person, model and provider, in pages, of one tenant only", async () => {
  const tenantId = await createTenant();
  const startMs = Math.ceil(clock.nowMs() / (24 * hourMs)) * 24 * hourMs;
  clock.advance(startMs - clock.nowMs());
  await settle(await reserve(tenantId, { keyId: "key_a", model: "m1" }), 5n);
  await settle(await reserve(tenantId, { keyId: "key_a", model: "m2" }), 10n);
  clock.advance(hourMs);
  await settle(await reserve(tenantId, { keyId: "key_b", userId: "usr_2", model: "m2" }), 20n, "truncated");
  await settle(await reserve(await createTenant()), 50n);
  await service.untilHeard();

  const at = (hours: number) => new Date(startMs + hours * hourMs);
  const { rows } = await listSums(tenantId);
  const tokens = (calls: bigint) => ({
    ...{ groups: [], calls, inputTokens: 10n * calls, cachedInputTokens: 3n * calls, uncollectedNanos: 0n },
  });
  assert.deepEqual(rows, [
    { start: at(0), ...tokens(2n), outputTokens: 15n, costNanos: 50n, errors: 0n },
    { start: at(1), ...tokens(1n), outputTokens: 20n, costNanos: 50n, errors: 1n },
  ]);
  const by = async (groupBy: "key" | "user" | "model" | "provider") =>
    (await listSums(tenantId, { groupBy: [groupBy], unit: "day" })).rows.map(({ start, groups, calls, costNanos }) => {
      assert.deepEqual(start, at(0));
      return [...groups, calls, costNanos];
    });
  assert.deepEqual(await by("key"), [
    ["key_a", 2n, 50n],
    ["key_b", 1n, 50n],
  ]);
  assert.deepEqual(await by("user"), [
    ["usr_1", 2n, 50n],
    ["usr_2", 1n, 50n],
  ]);
  assert.deepEqual(await by("model"), [
    ["m1", 1n, 20n],
    ["m2", 2n, 80n],
  ]);
  assert.deepEqual(await by("provider"), [["p", 3n, 100n]]);

  const all = await listSums(tenantId, { groupBy: ["model", "user", "key", "provider"], unit: "month" });
  assert.deepEqual(
    all.rows.map(({ start, groups, costNanos }) => [start.toISOString(), ...groups, costNanos]),
    [
      ["2026-01-01T00:00:00.000Z", "m1", "usr_1", "key_a", "p", 20n],
      ["2026-01-01T00:00:00.000Z", "m2", "usr_1", "key_a", "p", 30n],
      ["2026-01-01T00:00:00.000Z", "m2", "usr_2", "key_b", "p", 50n],
    ],
  );
  const ofMinute = { fromMs: startMs - 1, toMs: startMs + hourMs + 1, unit: "minute" as const };
  const minutes = await listSums(tenantId, { ...ofMinute, model: "m2", provider: "p" });
  assert.deepEqual(
    minutes.rows.map(({ start, calls }) => [start, calls]),
    [
      [at(0), 1n],
      [at(1), 1n],
    ],
  );

  const paged: unknown[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page: Awaited<ReturnType<typeof listSums>> = await listSums(tenantId, {
      groupBy: ["model", "key"],
      limit: 1,
      cursor,
    });
    paged.push(...page.rows.map(({ start, groups }) => [start, ...groups]));
    cursor = page.nextCursor;
  }
  assert.deepEqual(paged, [
    [at(0), "m1", "key_a"],
    [at(0), "m2", "key_a"],
    [at(1), "m2", "key_b"],
  ]);
  const part = { fromMs: startMs + 60_000, toMs: startMs + hourMs };
  assert.deepEqual((await listSums(tenantId, part)).rows.length, 1, "'from' lies in its hour, 'to' is exclusive");
});

test("what all tenants together used in the day and in the month that it is, is summed up", async () => {
  const dayMs = 24 * hourMs;
  clock.advance(Math.ceil(clock.nowMs() / dayMs) * dayMs - clock.nowMs());
  const { today, month } = await ops.sumUsage();
  assert.deepEqual(today, { calls: 0n, costNanos: 0n });
  await settle(await reserve(await createTenant()), 50n);
  await settle(await reserve(await createTenant()), 5n);
  await service.untilHeard();
  const after = await ops.sumUsage();
  assert.equal(after.today.calls, 2n);
  assert.ok(after.today.costNanos > 0n);
  assert.deepEqual(after.month, {
    calls: month.calls + 2n,
    costNanos: month.costNanos + after.today.costNanos,
  });
  clock.advance(dayMs);
  assert.deepEqual(await ops.sumUsage(), { today, month: after.month });
});

test("a range of sums that is empty, too long, or of minutes that are no longer kept is refused", async () => {
  const startMs = clock.nowMs();
  for (const range of [
    { fromMs: startMs, toMs: startMs },
    { fromMs: startMs - 32 * 24 * hourMs, toMs: startMs },
    { fromMs: startMs - 367 * 24 * hourMs, toMs: startMs, unit: "day" as const },
    { fromMs: startMs - 25 * hourMs, toMs: startMs, unit: "minute" as const },
    { fromMs: startMs - 1_831 * 24 * hourMs, toMs: startMs, unit: "month" as const },
    { fromMs: startMs - 15 * 24 * hourMs, toMs: startMs - 15 * 24 * hourMs + 1, unit: "minute" as const },
  ]) {
    await assert.rejects(listSums("ten_any", range), (err) => {
      return isFailure(err, kitFailures.invalid_request) && err.details["field"] === "from";
    });
  }
});

test("a call that was lost and reported later counts once, and is paid for, in the hour in which it began", async () => {
  const tenantId = await createTenant();
  const call = await reserve(tenantId);
  await lose(call);
  clock.advance(hourMs);
  await settle(call, 5n);
  await settle(call, 40n);
  const both = await reserve(tenantId);
  await sql`update hold set expires_at = now() - interval '1 minute' where call_id = ${both.callId}`;
  await Promise.all([settle(both, 0n, "lost"), settle(both, 5n)]);
  await service.untilHeard();
  const { rows } = await listSums(tenantId);
  assert.deepEqual(
    rows.map(({ calls, costNanos, outputTokens }) => [calls, costNanos, outputTokens]),
    [
      [1n, 20n, 5n],
      [1n, 20n, 5n],
    ],
  );
});

/** Random calls, some of them lost, some of those reported later. */
async function callAtRandom(seeded: ReturnType<typeof createSeeded>, tenantIds: readonly string[]): Promise<void> {
  const pick = <T>(values: readonly T[]) => values[seeded.between(0, values.length - 1)] as T;
  const names = { keyId: pick(["key_a", "key_b", ""]), userId: pick(["usr_1", "usr_2"]), model: pick(models) };
  const call = await reserve(pick(tenantIds), names);
  if (seeded.next() < 0.2) {
    await lose(call);
    if (seeded.next() < 0.5) return;
  }
  if (seeded.next() < 0.2) clock.advance(hourMs / 2);
  await settle(call, BigInt(seeded.between(0, 60)), pick(["completed", "failed", "canceled", "truncated"]));
}

test("D11: sums of usage rebuilt while calls are settled ends with every row equal, and equal to the calls", async () => {
  const seed = random.bytes(4).readUInt32LE();
  const seeded = createSeeded(seed);
  const tenantIds = await Promise.all([createTenant(), createTenant()]);
  const many = (count: number) => Promise.all(Array.from({ length: count }, () => callAtRandom(seeded, tenantIds)));
  await many(60);
  await service.untilHeard();
  // What a bug has done: wrong, missing and superfluous rows.
  await sql`update usage_sum set calls = calls + 1 where tenant_id = ${tenantIds[0] ?? ""}`;
  await sql`delete from usage_sum where tenant_id = ${tenantIds[1] ?? ""}`;
  await sql`insert into usage_sum values ('ten_ghost', 'day', now(), '', '', '', '', 1, 1, 1, 1, 1, 1, '')`;
  let isRebuilding = true;
  const rebuilding = ops.rebuildUsageSummary().finally(() => {
    isRebuilding = false;
  });
  for (let n = 0; isRebuilding || n < 3; n++) {
    await many(10);
    assert.ok((await listSums(tenantIds[0] ?? "")).rows.length > 0, "there are sums all the time");
  }
  assert.ok((await rebuilding).events > 0);
  await service.untilHeard();
  const live = await rowsOf("usage_sum");
  await sql`truncate usage_sum`;
  await ops.rebuildUsageSummary();
  assert.deepEqual(await rowsOf("usage_sum"), live, `seed ${seed}: replay from zero is the present state`);
  assert.equal((await rowsOf("usage_sum_rebuild")).length, 0);
  for (const unit of ["minute", "hour", "day"]) {
    const totals = (table: string, start: string, calls: string) => sql`
      select ${sql.unsafe(start)} as start, tenant_id, key_id, user_id, provider, model, ${sql.unsafe(calls)}::int as calls,
        sum(input_tokens)::bigint as input, sum(cached_input_tokens)::bigint as cached, sum(output_tokens)::bigint as output,
        sum(cost_nanos)::bigint as cost, sum(uncollected_nanos)::bigint as uncollected
      from ${sql(table)} group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6`;
    const fromEvents = await totals(`usage_sum_${unit}`, "start", "sum(calls)");
    const fromCalls = await totals("usage", `date_trunc('${unit}', started_at, 'UTC')`, "count(*)");
    assert.deepEqual([...fromEvents], [...fromCalls], `seed ${seed}, by ${unit}`);
  }
});

test("sums by minute are taken out when they are too old, and no others", async () => {
  const tenantId = await createTenant();
  await settle(await reserve(tenantId), 5n);
  await service.untilHeard();
  const count = async (unit: string) => {
    const [row] = await sql`select count(*)::int from usage_sum where tenant_id = ${tenantId} and unit = ${unit}`;
    return row?.["count"];
  };
  await ops.keepUsageSums();
  assert.equal(await count("minute"), 1);
  clock.advance(14 * 24 * hourMs + 60_000);
  await ops.keepUsageSums();
  assert.deepEqual([await count("minute"), await count("hour"), await count("day")], [0, 1, 1]);
});

test("an event from before there were sums is summed up call by call, one that was lost before without counting it", async () => {
  const [tenantId, walletId] = [random.id("ten"), random.id("wal")];
  const names = { keyId: "key_1", userId: "usr_1", provider: "p", model: "m1", priceId: "prc_1" };
  const tokens = { inputTokens: 10n, cachedInputTokens: 3n, outputTokens: 5n };
  const call = (callId: string, wasLost: boolean) => ({ ...names, callId, wasLost, tokens, costNanos: 20n });
  await service.say(usageRecorded, {
    walletId,
    tenantId,
    calls: [call("a", false), call("b", false), call("c", true)],
  });
  await service.untilHeard();
  const { rows } = await listSums(tenantId);
  assert.deepEqual(
    rows.map(({ calls, costNanos, inputTokens }) => [calls, costNanos, inputTokens]),
    [[2n, 60n, 30n]],
  );
});
