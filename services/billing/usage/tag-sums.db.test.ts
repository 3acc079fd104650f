import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Fact } from "../fact.ts";
import type { UsageGroup, UsageUnit } from "../model.ts";
import { billing } from "../service.ts";
import { keepUsageSums } from "./keep-usage-sums.ts";
import { tagsFromOf } from "./list-usage-summary.ts";
import { createTagSumStore } from "./tag-sum-store.ts";
import { createUsageStore, type UsageFilter } from "./usage-store.ts";
import { createUsageSumStore } from "./usage-sum-store.ts";

const [hourMs, dayMs] = [3_600_000, 86_400_000];
const clock = createFakeClock(Date.now());
const service = await startTestService({ after }, billing, { clients: {}, clock });
await service.hear();
const { ops, random, sql } = service;
const terms = { rates: { input: 1_500_000_001n, cacheRead: 3n, output: 2_000_000_000n }, markupPpm: 0 };
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", terms }] });
const startMs = Math.floor(clock.nowMs() / dayMs) * dayMs - 5 * dayMs;
const seed = random.bytes(4).readUInt32LE();
const { between } = createSeeded(seed);

async function createTenant(): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 10_000_000_000n, reference: "start", source: "grant" });
  return tenantId;
}

const tagSets = [undefined, undefined, "env=prod", "env=prod,team=a", "env=test,team=a.b", "team=b,teams=9", "teams=9"];

function anyFact(tenantId: string): Fact {
  return {
    ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_gone", requestId: "req_1", tenantId },
    ...{ keyId: `key_${between(0, 2)}`, userId: `usr_${between(0, 2)}`, provider: `p${between(0, 1)}` },
    ...{ model: `m${between(0, 1)}`, priceId: price?.priceId ?? "", outcome: "completed" },
    ...{ inputTokens: 7n, cachedInputTokens: 3n, outputTokens: 5n, isEstimated: false, latencyMs: 5n },
    startedAtMs: BigInt(startMs + between(0, 3 * dayMs)),
    tags: tagSets[between(0, tagSets.length - 1)],
    ...(between(0, 3) === 0 && { otherBuckets: { reasoning: 2n, cacheWrite5m: 1n } }),
  };
}

const tenantId = await createTenant();
const facts = Array.from({ length: 600 }, () => anyFact(tenantId));
await ops.postFacts({ facts: [...facts, anyFact(await createTenant())] });
await service.untilHeard();

const rowsStore = createTagSumStore(service.db.sql);
const groupings: readonly (readonly UsageGroup[])[] = [
  ...[["tag:team"], ["model", "tag:env"], ["tag:teams", "provider"], ["tag:none"]],
  ...[
    ["key", "tag:team", "user"],
    ["tag:env", "model", "key", "user", "provider"],
  ],
] as UsageGroup[][];

interface Question {
  readonly unit: UsageUnit;
  readonly groupBy: readonly UsageGroup[];
  readonly tags?: string;
  readonly userId?: string;
  readonly keyId?: string;
  readonly model?: string;
  readonly provider?: string;
}

/** What one tag can be asked for by these units. */
function* everyQuestion(): Generator<Question> {
  for (const unit of ["hour", "day", "month"] as const) {
    for (const groupBy of groupings) {
      yield { unit, groupBy };
      yield { unit, groupBy, model: "m1", provider: "p0" };
      yield { unit, groupBy, userId: "usr_1", keyId: "key_2" };
    }
    for (const groupBy of [[], ["model"], ["user", "key"]] as const) {
      yield { unit, groupBy, tags: "team=a" };
      yield { unit, groupBy, tags: "env=prod", model: "m0" };
      yield { unit, groupBy, tags: "env=prod", userId: "usr_0" };
      yield { unit, groupBy, tags: "team=nobody" };
    }
  }
}

const range = { fromMs: startMs, toMs: startMs + 4 * dayMs };

test("what one tag comes to is told by the sums that are kept, for each question what the calls' own rows come to", async () => {
  let asked = 0;
  for (const question of everyQuestion()) {
    if (tagsFromOf(question) !== "sums") continue;
    asked++;
    const from =
      question.unit === "month"
        ? new Date(Date.UTC(new Date(startMs).getUTCFullYear(), new Date(startMs).getUTCMonth()))
        : new Date(startMs);
    const { rows } = await ops.listUsageSummary({ tenantId, ...range, ...question, limit: 5_000 });
    const query = {
      tenantId,
      ...question,
      tags: question.tags,
      from,
      to: new Date(range.toMs),
      after: undefined,
      limit: 5_001,
    };
    const wanted = await rowsStore.listSums(query);
    assert.deepEqual([...rows], [...wanted], `seed ${seed}: ${JSON.stringify(question)}`);
    assert.equal(rows.length > 0, question.tags !== "team=nobody", JSON.stringify(question));
  }
  assert.equal(asked, 2 * (6 * 3 + 12) + 4 * 2 + 2 * 3);
});

test("sums by a kept tag go on page by page behind the last one, without a gap or a repeat", async () => {
  const question = { tenantId, ...range, unit: "day" as const, groupBy: ["model", "tag:env", "user"] as const };
  const { rows: all } = await ops.listUsageSummary({ ...question, limit: 1_000 });
  const paged: unknown[] = [];
  for (let cursor: string | undefined, n = 0; n === 0 || cursor; n++) {
    const page = await ops.listUsageSummary({ ...question, limit: 7, cursor });
    paged.push(...page.rows);
    cursor = page.nextCursor;
  }
  assert.ok(all.length > 30);
  assert.deepEqual(paged, all);
});

test("several tags, minutes, and hours of a key or user are summed up from rows; without tags nothing is", () => {
  const from = (question: Partial<Question>) => tagsFromOf({ unit: "day", groupBy: [], ...question });
  assert.equal(from({ groupBy: ["key", "model"], userId: "u" }), undefined);
  for (const question of [
    { tags: "a=b,c=d" },
    { tags: "a=b", groupBy: ["tag:a"] },
    { groupBy: ["tag:a", "tag:b"] },
    { unit: "minute", tags: "a=b" },
    { unit: "hour", tags: "a=b", groupBy: ["key"] },
    { unit: "hour", tags: "a=b", groupBy: ["user"] },
    { unit: "hour", groupBy: ["tag:a"], userId: "u" },
    { unit: "hour", groupBy: ["tag:a"], keyId: "k" },
  ] satisfies Partial<Question>[]) {
    assert.equal(from(question), "rows", JSON.stringify(question));
  }
});

/** A call that its node gave up for lost, and then reported with its tags. */
async function loseAndReport(ofTenant: string, tags: string): Promise<void> {
  const names = { callId: random.id("call"), tenantId: ofTenant };
  const asked = { requestId: "r", keyId: "k", userId: "u", provider: "p", model: "m", inputTokens: 10n };
  await ops.reserveCall({ ...names, ...asked, maxOutputTokens: 5n, minOutputTokens: 5n, choices: 1n });
  await sql`update hold set expires_at = now() - interval '1 minute' where call_id = ${names.callId}`;
  const ended = { ...names, isEstimated: false, latencyMs: 1n, startedAtMs: BigInt(clock.nowMs()) };
  await ops.settleCall({ ...ended, inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, outcome: "lost" });
  await ops.settleCall({
    ...ended,
    inputTokens: 10n,
    cachedInputTokens: 0n,
    outputTokens: 5n,
    outcome: "completed",
    tags,
  });
}

test("a call that was lost has no tags, and is counted once with its own when it is reported", async () => {
  const ofTenant = await createTenant();
  await loseAndReport(ofTenant, "team=late");
  await service.untilHeard();
  for (const unit of ["hour", "day"] as const) {
    const { rows } = await ops.listUsageSummary({
      ...{ tenantId: ofTenant, unit, fromMs: clock.nowMs() - hourMs, toMs: clock.nowMs() + hourMs },
      ...{ groupBy: ["tag:team"], limit: 10 },
    });
    assert.deepEqual(
      rows.map(({ groups, calls, outputTokens }) => [...groups, calls, outputTokens]),
      [["late", 1n, 5n]],
    );
  }
});

test("a list by tag is the same by the index of tags and by time, whatever is asked for besides and page by page", async () => {
  const stores = {
    rare: createUsageStore(service.db.sql),
    few: createUsageStore(service.db.sql, 3),
    common: createUsageStore(service.db.sql, 0),
  };
  const others: readonly Omit<UsageFilter, "tenantId">[] = [
    ...[{}, { userId: "usr_1" }],
    { model: "m1", fromMs: startMs + dayMs, toMs: startMs + 2 * dayMs },
  ];
  for (const more of others) {
    for (const tags of ["env=prod", "env=prod,team=a", "team=nobody"]) {
      const filter = { tenantId, tags, ...more };
      const wanted = facts
        .filter((fact) => tags.split(",").every((tag) => fact.tags?.split(",").includes(tag)))
        .filter(({ userId, model }) => userId === (more.userId ?? userId) && model === (more.model ?? model))
        .filter(({ startedAtMs: at }) => at >= (more.fromMs ?? 0) && at < (more.toMs ?? Number.POSITIVE_INFINITY))
        .map(({ callId }) => callId);
      for (const [name, store] of Object.entries(stores)) {
        const backward = await store.listUsage(filter, undefined, 1_000);
        assert.deepEqual(backward.map(({ callId }) => callId).toSorted(), wanted.toSorted(), `${name} ${tags}`);
        const forward = await store.listUsageForward(filter, undefined, 1_000);
        assert.deepEqual(forward, backward.toReversed(), `${name} ${tags}`);
        const [third, ...rest] = backward.slice(2);
        if (!third) continue;
        const place = { ...third, startedAtMs: Number(third.startedAtMs) };
        assert.deepEqual(await store.listUsage(filter, place, 5), rest.slice(0, 5));
        assert.deepEqual(await store.listUsageForward(filter, place, 5), backward.slice(0, 2).toReversed());
      }
    }
  }
});

test("a rebuild has the sums of tags that events tell, and those that were there before events told them", async () => {
  const rows = async () =>
    (await sql<{ row: string }[]>`select t::text as row from usage_sum t order by 1`).map(({ row }) => row);
  const live = await rows();
  await sql`insert into usage_sum_earlier_tags select * from usage_sum where unit = 'tag_day' and tag = 'team=a' limit 1`;
  await sql`update usage_sum_earlier_tags set tenant_id = 'ten_earlier'`;
  await sql`update usage_sum set calls = calls + 1 where unit = 'tag_hour'`;
  await ops.rebuildUsageSummary();
  const rebuilt = await rows();
  assert.deepEqual(
    rebuilt.filter((row) => !row.startsWith("(ten_earlier,")),
    live,
  );
  assert.equal(rebuilt.length, live.length + 1);
});

test("sums by tag are taken out when they are too old, and others stay", async () => {
  const count = async () => {
    const rows = await sql<{ unit: string; rows: number }[]>`
      select unit, count(*)::int as rows from usage_sum where tenant_id = ${tenantId} group by unit`;
    return Object.fromEntries(rows.map(({ unit, rows }) => [unit, rows]));
  };
  const keepAt = (nowMs: number) =>
    keepUsageSums({
      ...{ usageSums: createUsageSumStore(service.db.sql), clock: createFakeClock(nowMs) },
      ...{ usageMinuteRetentionDays: 14, usageTagRetentionDays: 400 },
    });
  const before = await count();
  assert.deepEqual(Object.keys(before).toSorted(), ["day", "hour", "minute", "tag_day", "tag_hour"]);
  await keepAt(clock.nowMs());
  assert.deepEqual(await count(), before);
  await keepAt(clock.nowMs() + 406 * dayMs);
  assert.deepEqual(await count(), { hour: before["hour"], day: before["day"] });
});
