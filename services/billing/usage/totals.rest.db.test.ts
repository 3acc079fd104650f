import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type CallErrorName, callErrors } from "@lyss/contracts/usage/call-errors.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Fact } from "../fact.ts";
import type { Outcome } from "../model.ts";
import { billing } from "../service.ts";
import { bucketOf, durationBuckets, percentilesOf } from "./durations.ts";

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];
const clock = createFakeClock(Date.now());
const service = await startTestService({ after }, billing, { clients: {}, clock });
const { ops, random, sql } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<user>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId = "", permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId, keyId: "key_1", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());
const terms = { rates: { input: 1_500_000_001n, output: 2_000_000_000n } };
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p0", model: "m0", terms }] });
const tenantId = random.id("ten");
await ops.createWallet({ tenantId });
await ops.topUpWallet({ tenantId, amountNanos: 100_000_000_000n, reference: "start", source: "grant" });
const members = { grp_1: ["usr_0", "usr_1"], grp_2: ["usr_1"] } as const;
for (const [groupId, userIds] of Object.entries(members)) {
  for (const userId of userIds) await sql`insert into budget_member values (${tenantId}, ${userId}, ${groupId})`;
}
await sql`insert into budget_member values ('ten_other', 'usr_2', 'grp_1')`;

const seed = random.bytes(4).readUInt32LE();
const { between } = createSeeded(seed);
const startMs = Math.floor(clock.nowMs() / dayMs) * dayMs - 3 * dayMs;
const outcomes: readonly Outcome[] = [
  "completed",
  "completed",
  "completed",
  "cached",
  "failed",
  "truncated",
  "canceled",
];

function anyFact(): Fact {
  const outcome = outcomes[between(0, outcomes.length - 1)] ?? "completed";
  const isError = outcome === "failed" || outcome === "truncated";
  const isStreamed = between(0, 1) === 0;
  const latencyMs = 2 ** between(0, 19) + between(0, 7);
  const error: CallErrorName | undefined = isError ? callErrors[between(0, callErrors.length - 1)] : undefined;
  return {
    ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_gone", requestId: "req_1", tenantId },
    ...{ keyId: `key_${between(0, 2)}`, userId: `usr_${between(0, 3)}`, provider: `p${between(0, 1)}` },
    ...{ model: `m${between(0, 2)}`, priceId: price?.priceId ?? "", outcome, isEstimated: false },
    ...{ inputTokens: 7n, cachedInputTokens: 0n, outputTokens: BigInt(between(0, 9)), latencyMs: BigInt(latencyMs) },
    ...{ startedAtMs: BigInt(startMs + between(0, 2 * dayMs)), isStreamed, error },
    firstTokenMs: isStreamed && outcome !== "failed" ? between(1, latencyMs) : undefined,
    tags: between(0, 3) === 0 ? "team=a" : undefined,
  };
}

const facts = Array.from({ length: 900 }, anyFact);
await ops.postFacts({ facts: facts.slice(0, 400) });
await ops.postFacts({ facts: facts.slice(400) });
await ops.postFacts({ facts: facts.slice(0, 50) });
await service.untilHeard();

function durationsOf(durations: readonly number[]) {
  const counts: number[] = Array(durationBuckets).fill(0);
  for (const duration of durations) counts[bucketOf(duration)] = (counts[bucketOf(duration)] ?? 0) + 1;
  return percentilesOf(counts) ?? null;
}

/** What calls come to, as the API tells it. */
function figuresOf(calls: readonly Fact[]) {
  const sum = (of: (fact: Fact) => number | bigint) => calls.reduce((total, fact) => total + Number(of(fact)), 0);
  const whole = calls.filter(({ outcome }) => outcome === "completed" || outcome === "cached");
  return {
    calls: calls.length,
    errors: calls.filter(({ outcome }) => outcome === "failed" || outcome === "truncated").length,
    ...{ input_tokens: sum(({ inputTokens }) => inputTokens), cached_input_tokens: 0 },
    output_tokens: sum(({ outputTokens }) => outputTokens),
    cost_nanos: String(sum(({ inputTokens, outputTokens }) => costOf(inputTokens, outputTokens))),
    uncollected_nanos: "0",
    latency_ms: durationsOf(whole.map(({ latencyMs }) => Number(latencyMs))),
    first_token_ms: durationsOf(calls.flatMap(({ firstTokenMs = [] }) => firstTokenMs)),
  };
}

function costOf(inputTokens: bigint, outputTokens: bigint): bigint {
  const exact = inputTokens * terms.rates.input + outputTokens * terms.rates.output;
  return (exact + 999_999n) / 1_000_000n;
}

interface Asked {
  readonly path?: string;
  readonly token?: string;
  readonly language?: string;
}

async function get(
  query: Record<string, string>,
  { path = "totals", token = `${tenantId}/usr_0/billing:*`, language = "en" }: Asked = {},
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any answer.
): Promise<any> {
  const answer = await fetch(`${server.url}/v1/billing/usage/${path}?${new URLSearchParams(query)}`, {
    headers: { authorization: `Bearer ${token}`, "accept-language": language },
  });
  return answer.json();
}

const at = (ms: number) => new Date(ms).toISOString();
const within = (fromMs: number, toMs: number) =>
  facts.filter(({ startedAtMs }) => Number(startedAtMs) >= fromMs && Number(startedAtMs) < toMs);
const groupsOf = (userId: string) => {
  const names = Object.entries(members).flatMap(([name, ids]) =>
    (ids as readonly string[]).includes(userId) ? name : [],
  );
  return names.length > 0 ? names : [""];
};
const namesOf = {
  ...{ model: (fact: Fact) => [fact.model], key: (fact: Fact) => [fact.keyId], user: (fact: Fact) => [fact.userId] },
  ...{ provider: (fact: Fact) => [fact.provider], group: (fact: Fact) => groupsOf(fact.userId) },
} as const;

test("totals of a time and of the one before it, in all and by each group, are exactly those of the calls", async () => {
  for (const lengthMs of [17 * minuteMs, 3 * hourMs, dayMs - minuteMs, dayMs + hourMs]) {
    const fromMs = startMs + dayMs - (lengthMs > dayMs ? 7 * minuteMs : 0);
    const query = { from: at(fromMs), to: at(fromMs + lengthMs), compare_from: "previous", limit: "100" };
    const [current, compared] = [within(fromMs, fromMs + lengthMs), within(fromMs - lengthMs, fromMs)];
    for (const [group, toNames] of Object.entries(namesOf)) {
      const told = await get({ ...query, group_by: group });
      assert.equal(told.unit, "minute");
      assert.deepEqual(told.total, { current: figuresOf(current), compared: figuresOf(compared) }, `seed ${seed}`);
      const names = [...new Set(current.flatMap(toNames))];
      const wanted = names.map((name) => ({
        name,
        current: figuresOf(current.filter((fact) => toNames(fact).includes(name))),
        compared: figuresOf(compared.filter((fact) => toNames(fact).includes(name))),
      }));
      wanted.sort((a, b) => Number(b.current.cost_nanos) - Number(a.current.cost_nanos) || (a.name < b.name ? -1 : 1));
      assert.deepEqual(told.data, wanted, `seed ${seed}: by ${group}`);
    }
  }
});

test("sums by hour and group tell errors and percentiles, exactly those of the calls; by tag how long calls took is not kept", async () => {
  const range = { from: at(startMs), to: at(startMs + 2 * dayMs) };
  const { data } = await get({ ...range, unit: "hour", group_by: "group" }, { path: "summary" });
  for (const { start, group, ...figures } of data) {
    const fromMs = Date.parse(start);
    const calls = within(fromMs, fromMs + hourMs).filter((fact) => groupsOf(fact.userId).includes(group.group));
    assert.deepEqual(figures, figuresOf(calls), `seed ${seed}: ${start} ${group.group}`);
  }
  assert.equal(
    data.reduce((sum: number, one: { calls: number }) => sum + one.calls, 0),
    facts.reduce((sum, fact) => sum + groupsOf(fact.userId).length, 0),
  );
  const byDay = await get({ ...range, unit: "day", group_id: "grp_2" }, { path: "summary" });
  const ofGroup = (one: { start: string }) =>
    within(Date.parse(one.start), Date.parse(one.start) + dayMs).filter(({ userId }) => userId === "usr_1");
  for (const { start, group: _, ...figures } of byDay.data) assert.deepEqual(figures, figuresOf(ofGroup({ start })));
  const tagged = await get({ ...range, unit: "day", group_by: "group", tag: "team=a" }, { path: "summary" });
  for (const { start, group, ...figures } of tagged.data) {
    const calls = within(Date.parse(start), Date.parse(start) + dayMs).filter(
      (fact) => fact.tags !== undefined && groupsOf(fact.userId).includes(group.group),
    );
    assert.deepEqual(
      figures,
      { ...figuresOf(calls), latency_ms: null, first_token_ms: null },
      `seed ${seed}: ${start}`,
    );
  }
});

test("each call tells whether it was streamed, when its first token came and what went wrong", async () => {
  const [fact] = facts.filter(({ error }) => error !== undefined);
  const { attempts } = await get({}, { path: fact?.callId ?? "" });
  const [{ usage }] = attempts;
  assert.deepEqual(
    [usage.streamed, usage.first_token_ms, usage.error],
    [...[fact?.isStreamed, fact?.firstTokenMs ?? null, fact?.error]],
  );
  const rows = await sql<{ count: number }[]>`
    select count(*)::int from usage where tenant_id = ${tenantId} and error is not null`;
  assert.equal(rows[0]?.count, facts.filter(({ error }) => error !== undefined).length);
});

test("a call with a hold of its own tells the same, also when it was recorded as lost before", async () => {
  const names = { callId: random.id("call"), tenantId };
  const of = { requestId: "r", keyId: "key_h", userId: "usr_h", provider: "p0", model: "m0" };
  await ops.reserveCall({ ...names, ...of, inputTokens: 7n, maxOutputTokens: 5n, minOutputTokens: 5n, choices: 1n });
  await sql`update hold set expires_at = now() - interval '1 minute' where call_id = ${names.callId}`;
  const tokens = { inputTokens: 7n, cachedInputTokens: 0n, outputTokens: 3n };
  const lost = {
    inputTokens: 0n,
    cachedInputTokens: 0n,
    outputTokens: 0n,
    outcome: "lost",
    isEstimated: true,
  } as const;
  await ops.settleCall({ ...names, ...lost, latencyMs: 0n });
  const how = { outcome: "truncated", error: "broken_off", isStreamed: true, firstTokenMs: 40 } as const;
  await ops.settleCall({ ...names, ...tokens, ...how, isEstimated: false, latencyMs: 90n });
  await service.untilHeard();
  const { total } = await get({ key_id: "key_h", to: at(clock.nowMs() + hourMs) });
  assert.deepEqual([total.current.calls, total.current.errors, total.current.first_token_ms.count], [1, 1, 1]);
  assert.equal(total.current.latency_ms, null);
  assert.equal(total.compared, null);
});

test("without billing:audit totals are one's own; a time that cannot be answered is refused in the caller's language", async () => {
  const range = { from: at(startMs), to: at(startMs + 2 * dayMs) };
  const own = await get({ ...range, group_by: "user" }, { token: `${tenantId}/usr_1/billing:read` });
  assert.deepEqual(
    own.data.map(({ name }: { name: string }) => name),
    ["usr_1"],
  );
  const others = await get({ ...range, user_id: "usr_0" }, { token: `${tenantId}/usr_1/billing:read` });
  assert.match(JSON.stringify(others), /billing:audit/);
  const nobody = await get(range, { token: "ten_nobody/usr_1/billing:read" });
  assert.deepEqual([nobody.total.current.calls, nobody.data], [0, []]);
  const wrong = await get({ from: at(startMs), to: at(startMs - 1) }, { language: "zh-CN" });
  assert.match(JSON.stringify(wrong), /必须早于 to/);
  assert.match(JSON.stringify(await get({ group_by: "tag:team" })), /group_by/);
});

test("the service rebuilds what it tells from its events", async () => {
  const before = await get({ from: at(startMs), to: at(startMs + 2 * dayMs), group_by: "model" });
  await ops.rebuildUsageSummary();
  assert.deepEqual(await get({ from: at(startMs), to: at(startMs + 2 * dayMs), group_by: "model" }), before);
});
