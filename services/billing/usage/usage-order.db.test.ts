import assert from "node:assert/strict";
import { after, test } from "node:test";
import { callErrors } from "@lyss/contracts/usage/call-errors.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Fact } from "../fact.ts";
import type { UsageRow } from "../model.ts";
import { billing } from "../service.ts";
import { createUsageStore, type UsageFilter, type UsageOrder } from "./usage-store.ts";

const dayMs = 86_400_000;
const clock = createFakeClock(Date.now());
const service = await startTestService({ after }, billing, { clients: {}, clock });
const { ops, random, sql } = service;
const terms = { rates: { input: 1_000_000_000n, output: 1_000_000_000n } };
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m0", terms }] });
const tenantId = random.id("ten");
await ops.createWallet({ tenantId });
await ops.topUpWallet({ tenantId, amountNanos: 100_000_000_000n, reference: "start", source: "grant" });
for (const userId of ["usr_0", "usr_2"]) await sql`insert into budget_member values (${tenantId}, ${userId}, 'grp_1')`;
await sql`insert into budget_member values (${tenantId}, 'usr_none', 'grp_2')`;

const seed = random.bytes(4).readUInt32LE();
const { between } = createSeeded(seed);
const startMs = Math.floor(clock.nowMs() / dayMs) * dayMs - 3 * dayMs;

/** Of each number there are many equal ones. */
function anyFact(): Fact {
  const outcome =
    (["completed", "completed", "failed", "truncated", "canceled"] as const)[between(0, 4)] ?? "completed";
  const isError = outcome === "failed" || outcome === "truncated";
  return {
    ...{ callId: random.id("call"), attempt: between(1, 2), leaseId: "lse_gone", requestId: "req_1", tenantId },
    ...{ keyId: `key_${between(0, 2)}`, userId: `usr_${between(0, 3)}`, provider: "p", model: `m${between(0, 2)}` },
    ...{ priceId: price?.priceId ?? "", outcome, isEstimated: false, isStreamed: between(0, 2) === 0 },
    ...{ inputTokens: BigInt(between(1, 9)), cachedInputTokens: 0n, outputTokens: 0n },
    ...{ latencyMs: BigInt(100 * between(0, 9)), startedAtMs: BigInt(startMs + 1_000 * between(0, 200_000)) },
    error: isError ? callErrors[between(0, callErrors.length - 1)] : undefined,
    tags: between(0, 2) === 0 ? "team=a" : undefined,
  };
}

const facts = Array.from({ length: 500 }, anyFact);
await ops.postFacts({ facts });
const { rows: all } = await listAll({});
assert.equal(all.length, facts.length);

async function listAll(filter: Partial<UsageFilter>, order?: UsageOrder, limit = 200) {
  const rows: UsageRow[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await ops.listUsage({ tenantId, ...filter, limit, cursor, ...(order && { order }) });
    rows.push(...page.rows);
    cursor = page.nextCursor;
    pages++;
  } while (cursor !== undefined);
  return { rows, pages };
}

function compare(a: UsageRow, b: UsageRow, { by, isDescending }: UsageOrder): number {
  const value = { time: () => 0n, cost: (row: UsageRow) => row.costNanos, latency: (row: UsageRow) => row.latencyMs }[
    by
  ];
  const keys = (row: UsageRow) => [value(row), row.startedAtMs, row.callId, row.attempt] as const;
  const [one, other] = [keys(a), keys(b)];
  const at = one.findIndex((key, n) => key !== other[n]);
  const isLess = (one[at] ?? 0) < (other[at] ?? 0);
  return isLess === isDescending ? 1 : -1;
}

const filters: Readonly<Record<string, readonly [Partial<UsageFilter>, (row: UsageRow) => boolean]>> = {
  all: [{}, () => true],
  "one call": [{ callId: all[7]?.callId }, ({ callId }) => callId === all[7]?.callId],
  "a range of costs": [
    { minCostNanos: 3_000n, maxCostNanos: 5_000n },
    ({ costNanos }) => costNanos >= 3_000n && costNanos <= 5_000n,
  ],
  "a range of latencies": [
    { minLatencyMs: 200n, maxLatencyMs: 700n },
    ({ latencyMs }) => latencyMs >= 200n && latencyMs <= 700n,
  ],
  "what lasted longest": [{ minLatencyMs: 900n }, ({ latencyMs }) => latencyMs >= 900n],
  streamed: [{ isStreamed: true }, ({ isStreamed }) => isStreamed === true],
  whole: [{ isStreamed: false, model: "m1" }, ({ isStreamed, model }) => isStreamed === false && model === "m1"],
  "an error": [{ error: "timeout" }, ({ error }) => error === "timeout"],
  "a group": [{ groupId: "grp_1" }, ({ userId }) => userId === "usr_0" || userId === "usr_2"],
  "a group without calls": [{ groupId: "grp_2" }, () => false],
  "a group that is not": [{ groupId: "grp_9" }, () => false],
  "a tag": [{ tags: "team=a" }, ({ tags }) => tags === "team=a"],
  "all at once": [
    { tags: "team=a", groupId: "grp_1", minLatencyMs: 100n, maxCostNanos: 8_000n, outcome: "completed" },
    ({ tags, userId, latencyMs, costNanos, outcome }) =>
      tags === "team=a" &&
      userId !== "usr_1" &&
      userId !== "usr_3" &&
      latencyMs >= 100n &&
      costNanos <= 8_000n &&
      outcome === "completed",
  ],
};

for (const by of ["time", "cost", "latency"] as const) {
  test(`by ${by}, up or down, each filter gives exactly its rows, page by page, each once and in one order`, async () => {
    for (const isDescending of [true, false]) {
      const order = { by, isDescending };
      for (const [name, [filter, isIn]] of Object.entries(filters)) {
        const { rows, pages } = await listAll(filter, order, 37);
        const wanted = all.filter(isIn).toSorted((a, b) => compare(a, b, order));
        assert.deepEqual(rows, wanted, `seed ${seed}: ${name}, ${JSON.stringify(order)}`);
        assert.equal(pages, Math.max(1, Math.ceil(wanted.length / 37)));
      }
    }
  });
}

test("a range by time is the same whether its rows are fetched one by one or met on the way", async () => {
  for (const maxFetched of [2_000, 60, 0]) {
    const store = createUsageStore(service.db.sql, maxFetched);
    for (const [name, [filter, isIn]] of Object.entries(filters)) {
      const wanted = all.filter(isIn).toSorted((a, b) => compare(a, b, { by: "time", isDescending: true }));
      const asked = { tenantId, ...filter };
      assert.deepEqual(await store.listUsage(asked, undefined, 500), wanted, `seed ${seed}: ${name}, ${maxFetched}`);
      assert.deepEqual(await store.listUsageForward(asked, undefined, 500), wanted.toReversed());
    }
  }
});

test("a page goes on where the last one ended, whatever is recorded meanwhile", async () => {
  const order = { by: "latency", isDescending: true } as const;
  const first = await ops.listUsage({ tenantId, limit: 100, order });
  await ops.postFacts({ facts: Array.from({ length: 40 }, anyFact) });
  const next = await ops.listUsage({ tenantId, limit: 100, order, cursor: first.nextCursor });
  const known = new Set(all.map(({ callId, attempt }) => `${callId}/${attempt}`));
  const ordered = all.toSorted((a, b) => compare(a, b, order));
  const old = next.rows.filter(({ callId, attempt }) => known.has(`${callId}/${attempt}`));
  assert.deepEqual([...first.rows, ...old], ordered.slice(0, 100 + old.length), `seed ${seed}`);
});

test("a cursor of another order, or of none, is refused", async () => {
  const { nextCursor } = await ops.listUsage({ tenantId, limit: 10, order: { by: "cost", isDescending: true } });
  const { nextCursor: ofTime } = await ops.listUsage({ tenantId, limit: 10 });
  for (const [cursor, order] of [
    [nextCursor, { by: "latency", isDescending: true }],
    [nextCursor, { by: "cost", isDescending: false }],
    [nextCursor, { by: "time", isDescending: true }],
    [ofTime, { by: "cost", isDescending: true }],
    ["nonsense", { by: "cost", isDescending: true }],
  ] as const) {
    await assert.rejects(ops.listUsage({ tenantId, limit: 10, cursor, order }), (err) =>
      isFailure(err, kitFailures.invalid_request),
    );
  }
});
