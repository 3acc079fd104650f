import assert from "node:assert/strict";
import { test } from "node:test";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Usage } from "../model.ts";
import { bucketOf } from "./durations.ts";
import { appendUsage, type CallSum, outcomeMessages, splitSums, sumCalls } from "./usage-log.ts";

const usageOf = (callId: string, more: Partial<Usage> = {}): Usage => ({
  ...{ callId, requestId: "req_1", tenantId: "ten_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m" },
  ...{ walletId: "wal_1", priceId: "prc_1", outcome: "completed", isEstimated: false, latencyMs: 5n, postingId: "" },
  ...{ inputTokens: 10n, cachedInputTokens: 20n, outputTokens: 30n, startedAtMs: 120_000n },
  ...{ costNanos: 7n, uncollectedNanos: 1n, ...more },
});
const names = { minute: 2, keyId: "key_1", userId: "usr_1", provider: "p", model: "m", tags: "" };
const none: ReadonlySet<string> = new Set();

test("calls of one minute, key, user, provider, model and tags are one sum of all that they used and cost", () => {
  const usages = [
    usageOf("c1"),
    usageOf("c2", { startedAtMs: 179_999n, otherBuckets: { cacheWrite1h: 100n, reasoning: 1_000n, images: 5n } }),
    usageOf("c3", { costNanos: 0n, uncollectedNanos: 0n }),
  ];
  assert.deepEqual(sumCalls(usages, none), [
    {
      ...{ ...names, calls: 3n, lostCalls: 0n, costNanos: 14n, uncollectedNanos: 2n },
      ...{ inputTokens: 130n, cachedInputTokens: 60n, outputTokens: 1_090n },
      ...{ errors: 0n, latency: new Map([[0, 3]]), firstToken: new Map() },
    },
  ]);
});

test("a sum tells how many failed or broke off, how long whole answers took, and the first of streamed ones", () => {
  const usages = [
    usageOf("c1", { latencyMs: 1_000n, firstTokenMs: 100, isStreamed: true }),
    usageOf("c2", { outcome: "cached", latencyMs: 1_001n }),
    usageOf("c3", { outcome: "failed", latencyMs: 7_000n }),
    usageOf("c4", { outcome: "truncated", latencyMs: 7_000n, firstTokenMs: 101 }),
    usageOf("c5", { outcome: "canceled", latencyMs: 7_000n }),
    usageOf("c6", { outcome: "lost", latencyMs: 0n }),
  ];
  const [sum] = sumCalls(usages, new Set(["c4"]));
  assert.deepEqual([sum?.calls, sum?.lostCalls, sum?.errors], [5n, 1n, 2n]);
  assert.deepEqual([...(sum?.latency ?? [])], [[bucketOf(1_000), 2]]);
  assert.deepEqual([...(sum?.firstToken ?? [])], [[bucketOf(100), 2]]);
});

test("a sum of its own has each minute, key, user, provider, model and set of tags, in the order in which they come", () => {
  const others: readonly Partial<Usage>[] = [
    { startedAtMs: 180_000n },
    { startedAtMs: 119_999n },
    { keyId: "key_2" },
    { userId: "usr_2" },
    { provider: "q" },
    { model: "n" },
    { tags: "team=a" },
    { tags: "env=b,team=a" },
    // Names that only together look like others.
    { keyId: "", userId: "key_1usr_1" },
    { keyId: "key_1usr_1", userId: "" },
  ];
  const sums = sumCalls([usageOf("c0"), ...others.map((more, i) => usageOf(`c${i}`, more))], none);
  assert.deepEqual(
    sums.map(({ minute, keyId, userId, provider, model, tags, calls }) => ({
      ...{ minute, keyId, userId, provider, model, tags, calls },
    })),
    [
      { ...names, calls: 1n },
      ...[{ minute: 3 }, { minute: 1 }, ...others.slice(2)].map((more) => ({ ...names, ...more, calls: 1n })),
    ],
  );
});

test("a call that was counted when it was lost is not counted again, and what it cost is", () => {
  const [sum] = sumCalls([usageOf("c1"), usageOf("c2")], new Set(["c2"]));
  assert.deepEqual([sum?.calls, sum?.lostCalls, sum?.costNanos, sum?.inputTokens], [1n, 1n, 14n, 20n]);
});

const sumOf = (more: Partial<CallSum> = {}): CallSum => ({
  ...{ ...names, calls: 1n, lostCalls: 0n, costNanos: 7n, uncollectedNanos: 1n },
  ...{ errors: 0n, latency: new Map(), firstToken: new Map() },
  ...{ inputTokens: 10n, cachedInputTokens: 20n, outputTokens: 30n, ...more },
});

test("an event holds two hundred sums, fewer where their names are long, and nothing is left out or in twice", () => {
  assert.deepEqual(splitSums([]), []);
  const sums = Array.from({ length: 401 }, (_, i) => sumOf({ minute: i }));
  const parts = splitSums(sums);
  assert.deepEqual(
    parts.map(({ length }) => length),
    [200, 200, 1],
  );
  assert.deepEqual(parts.flat(), sums);
  assert.deepEqual(
    splitSums(sums.slice(0, 200)).map(({ length }) => length),
    [200],
  );
  // 300 + 6 × 1,000 bytes each, of 131,072.
  const quarter = "x".repeat(250);
  const long = sumOf({ keyId: quarter, userId: quarter, provider: quarter, model: quarter });
  assert.deepEqual(
    splitSums(Array.from({ length: 41 }, () => long)).map(({ length }) => length),
    [20, 20, 1],
  );
  for (const name of ["keyId", "userId", "provider", "model"] as const) {
    const one = sumOf({ keyId: "", userId: "", provider: "", model: "", [name]: "x".repeat(10_000) });
    assert.equal(splitSums([one, one, one]).length, 2, name);
  }
  // Nothing in a tag is escaped: 300 bytes and its own each.
  const tagged = (characters: number) =>
    sumOf({ keyId: "", userId: "", provider: "", model: "", tags: "t".repeat(characters) });
  assert.equal(splitSums([tagged(65_236), tagged(65_236)]).length, 1);
  assert.equal(splitSums([tagged(65_236), tagged(65_237)]).length, 2);
  // Of two with no more than 21,745 characters together an event has room.
  const half = (characters: number) => sumOf({ keyId: "x".repeat(characters), userId: "", provider: "", model: "" });
  assert.equal(splitSums([half(10_872), half(10_873)]).length, 1);
  assert.equal(splitSums([half(10_873), half(10_873)]).length, 2);
  const huge = half(100_000);
  assert.deepEqual(
    splitSums([huge, huge]),
    [[huge], [huge]],
    "one that is too large for itself is an event all the same",
  );
});

test("each wallet's stream has an event of what its calls came to", async () => {
  const appended: unknown[] = [];
  const outbox = {
    append: async (tx: unknown, { type }: { type: string }, data: unknown, stream: unknown) =>
      appended.push([tx, type, data, stream]),
  } as unknown as Outbox;
  await appendUsage(
    "tx" as never,
    outbox,
    [usageOf("c1"), usageOf("c2", { walletId: "wal_2", tenantId: "ten_2" }), usageOf("c3")],
    new Set(["c3"]),
  );
  const message = (calls: bigint, factor: bigint) => ({
    ...{ ...names, calls, lostCalls: factor - calls, costNanos: 7n * factor, uncollectedNanos: factor },
    ...{ errors: 0n, latency: { buckets: [0], counts: [Number(factor)] } },
    tokens: { inputTokens: 10n * factor, cachedInputTokens: 20n * factor, outputTokens: 30n * factor },
  });
  const event = (id: string, sum: object) => [
    ...["tx", "billing.usage.recorded", { walletId: `wal_${id}`, tenantId: `ten_${id}`, sums: [sum] }],
    { stream: `usage/wal_${id}`, expectedRevision: "any" },
  ];
  assert.deepEqual(appended, [event("1", message(1n, 2n)), event("2", message(1n, 1n))]);
  await appendUsage("tx" as never, outbox, [], none);
  assert.equal(appended.length, 2);
});

test("every outcome is called by its own name on the wire", () => {
  const { COMPLETED, FAILED, CANCELED, TRUNCATED, LOST, CACHED } = CallOutcome;
  assert.deepEqual(outcomeMessages, {
    ...{ completed: COMPLETED, failed: FAILED, canceled: CANCELED, truncated: TRUNCATED, lost: LOST, cached: CACHED },
  });
});
