import assert from "node:assert/strict";
import { test } from "node:test";
import type { SettleRequest } from "@lyss/services/billing/ledger-requests.ts";
import { noTokens } from "@lyss/services/billing/model.ts";
import { budgetOf, callOf, codeOf, endOf, lostOf, start, startMs, tx } from "./memory-batch.ts";

test("a settled call pays what it cost at the price it was taken at, frees its hold, and a repeat gives the first result", async () => {
  const { apply, moneyOf, putPrice, postings, tables } = await start(500n);
  await apply({ reserves: [callOf("c1")] });
  await putPrice({ priceId: "prc_2", version: 2, terms: { rates: { input: 9_000_000n } } });
  const { settled } = await apply({ settles: [endOf("c1"), endOf("c1", { outputTokens: 1n })] });
  const [first, second] = settled;
  assert.ok(first?.kind === "settled");
  assert.deepEqual(first, second);
  const { postingId, ...usage } = first.usage;
  assert.deepEqual(usage, {
    ...{
      callId: "c1",
      requestId: "req_1",
      tenantId: "ten_1",
      keyId: "key_1",
      userId: "usr_1",
      provider: "p",
      model: "m",
    },
    ...{ walletId: "wal_1", priceId: "prc_1", inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 15n },
    ...{
      serviceMode: undefined,
      tags: undefined,
      startedAtMs: BigInt(startMs),
      outcome: "completed",
      isEstimated: false,
      latencyMs: 7n,
    },
    ...{ isStreamed: undefined, firstTokenMs: undefined, error: undefined },
    ...{ costNanos: 40n, uncollectedNanos: 0n },
  });
  assert.match(postingId, /^pst_/);
  const entries = [
    { account: "wallet:wal_1", amountNanos: -40n },
    { account: "revenue", amountNanos: 40n },
  ];
  assert.deepEqual(postings(), [{ kind: "charge", reference: "c1", entries }]);
  assert.deepEqual([moneyOf(), tables.rows.holds()], [[460n, 0n], []]);
  const again = await apply({ settles: [endOf("c1", { outputTokens: 2n })] });
  assert.deepEqual(again.settled, [first]);
  assert.deepEqual(moneyOf(), [460n, 0n]);
});

test("what a call costs beyond its hold comes from what is available, and beyond that is uncollected", async () => {
  const { apply, moneyOf } = await start(130n);
  await apply({
    reserves: [
      callOf("c1", { inputTokens: 20n, maxOutputTokens: 5n, minOutputTokens: 5n }),
      callOf("c2", { maxOutputTokens: 30n, minOutputTokens: 30n }),
    ],
  });
  assert.deepEqual(moneyOf(), [130n, 100n]);
  const { settled } = await apply({ settles: [endOf("c1", { outputTokens: 500n })] });
  assert.ok(settled[0]?.kind === "settled");
  assert.deepEqual([settled[0].usage.costNanos, settled[0].usage.uncollectedNanos, moneyOf()], [60n, 950n, [70n, 70n]]);
});

test("a call that cost nothing makes no posting", async () => {
  const { apply, moneyOf, postings } = await start(500n);
  await apply({ reserves: [callOf("c1")] });
  const { settled } = await apply({ settles: [endOf("c1", { ...noTokens, outcome: "failed", isEstimated: true })] });
  assert.ok(settled[0]?.kind === "settled");
  const { postingId, costNanos, outcome, isEstimated } = settled[0].usage;
  assert.deepEqual([postingId, costNanos, outcome, isEstimated], ["", 0n, "failed", true]);
  assert.deepEqual([postings(), moneyOf()], [[], [500n, 0n]]);
});

test("a call keeps its mode, its other buckets, its tags and the time that its node says it began at", async () => {
  const { apply } = await start(500n);
  await apply({ reserves: [callOf("c1")] });
  const told = { serviceMode: "batch", startedAtMs: 5n, otherBuckets: { reasoning: 3n }, tags: "a=1" } as const;
  const { settled } = await apply({ settles: [{ ...endOf("c1", told), more: 1 } as SettleRequest] });
  assert.ok(settled[0]?.kind === "settled");
  const { serviceMode, startedAtMs, otherBuckets, costNanos, tags } = settled[0].usage;
  assert.deepEqual(
    [serviceMode, startedAtMs, otherBuckets, costNanos, tags],
    ["batch", 5n, { reasoning: 3n }, 46n, "a=1"],
  );
  assert.ok(!("more" in settled[0].usage));
});

test("nobody settles another tenant's call, nor one of which nothing is known", async () => {
  const { apply, moneyOf } = await start(500n);
  await apply({ reserves: [callOf("c1")] });
  const { settled } = await apply({
    settles: [endOf("c1", { tenantId: "ten_2" }), endOf("c9"), endOf("c9", { tenantId: "ten_x" })],
  });
  assert.deepEqual(settled.map(codeOf), ["billing.hold_not_found", "billing.hold_not_found", "billing.hold_not_found"]);
  assert.deepEqual(
    settled.map(({ kind }) => kind),
    ["failed", "failed", "failed"],
  );
  assert.deepEqual(moneyOf(), [500n, 100n]);
});

test("a call whose price version is gone is refused by its name, and stays held", async () => {
  const { apply, moneyOf, tables } = await start(500n);
  await apply({ reserves: [callOf("c1")] });
  const hold = tables.rows.holds()[0];
  assert.ok(hold);
  await tables.store.insertHolds(tx, [{ ...hold, priceId: "prc_x" }], 60_000);
  const { settled } = await apply({ settles: [endOf("c1")] });
  assert.ok(settled[0]?.kind === "failed");
  assert.deepEqual([codeOf(settled[0]), settled[0].failure.details["priceId"]], ["billing.price_unknown", "prc_x"]);
  assert.deepEqual(moneyOf(), [500n, 100n]);
});

test("a hold that expired is recorded as lost at no cost; one that lives is left alone", async () => {
  const { apply, clock, moneyOf, tables } = await start(500n);
  await apply({ reserves: [callOf("c1"), callOf("c2")] });
  clock.advance(60_001);
  await tables.store.extendHolds(tx, ["c2"], 60_000);
  const sweep = ["c1", "c2"].map((callId) => ({ ...lostOf(callId), inputTokens: 9n, serviceMode: "batch" as const }));
  const { settled } = await apply({ settles: sweep });
  assert.deepEqual(settled.map(codeOf), ["settled", "billing.hold_not_found"]);
  assert.ok(settled[0]?.kind === "settled");
  const { outcome, costNanos, inputTokens, serviceMode, isEstimated, postingId } = settled[0].usage;
  assert.deepEqual(
    [outcome, costNanos, inputTokens, serviceMode, isEstimated, postingId],
    ["lost", 0n, 0n, undefined, true, ""],
  );
  assert.deepEqual(moneyOf(), [500n, 100n]);
});

test("a call that was lost and is reported after all is charged once, on its day; another sweep changes nothing", async () => {
  const { apply, clock, moneyOf, opened, tables } = await start(130n);
  await apply({ reserves: [callOf("c1")] });
  clock.advance(60_001);
  await apply({ settles: [lostOf("c1")] });
  const swept = await apply({ settles: [lostOf("c1")] });
  assert.deepEqual(
    swept.settled.map((result) => result.kind === "settled" && result.usage.outcome),
    ["lost"],
  );
  const { settled } = await apply({ settles: [endOf("c1", { startedAtMs: 5n, outputTokens: 100n })] });
  assert.ok(settled[0]?.kind === "settled");
  const { outcome, costNanos, uncollectedNanos, startedAtMs } = settled[0].usage;
  assert.deepEqual([outcome, costNanos, uncollectedNanos, startedAtMs], ["completed", 130n, 80n, BigInt(startMs)]);
  assert.deepEqual(moneyOf(), [0n, 0n]);
  assert.deepEqual(
    (opened.at(-1) as { calls: { callId: string }[] }).calls.map(({ callId }) => callId),
    ["c1"],
  );
  await apply({ settles: [endOf("c1")] });
  assert.deepEqual([moneyOf(), (opened.at(-1) as { calls: unknown[] }).calls], [[0n, 0n], []]);
  // Counted when it was lost, paid for when it was reported.
  const sums = tables.rows.events().filter(({ type }) => type === "billing.usage.recorded");
  assert.deepEqual(
    sums.map(({ data }) => (data as { sums: { calls: bigint }[] }).sums[0]?.calls),
    [1n, 0n],
  );
});

test("a call pays no more than its budgets let it, and what it used is charged to them", async () => {
  const window = { startsAt: new Date(0), endsAt: null };
  const hold = { holderId: "c1", budgetId: "bud_1", windowStartsAt: window.startsAt, amount: 100n };
  const entries = { budgets: [budgetOf({ limit: 120n, reserved: 100n })], holds: [hold] };
  const { apply, books, moneyOf, opened } = await start(500n, entries);
  await apply({ reserves: [callOf("c1", { tenantId: "ten_2" })] });
  const { settled, freedBudgetIds } = await apply({
    settles: [endOf("c1", { tenantId: "ten_2", outputTokens: 100n })],
  });
  assert.ok(settled[0]?.kind === "settled");
  assert.deepEqual(
    [settled[0].usage.costNanos, settled[0].usage.uncollectedNanos, moneyOf("ten_2")],
    [120n, 90n, [880n, 0n]],
  );
  assert.deepEqual([...freedBudgetIds], ["bud_1"]);
  assert.deepEqual(
    books[1]?.changes.listChanged().map(({ after }) => [after.used, after.reserved]),
    [[120n, 0n]],
  );
  assert.deepEqual(opened[1], { budgetedTenantIds: ["ten_2"], calls: [], holderIds: ["c1"] });
});

test("a call that was lost and is reported after all is charged to the budgets of its path", async () => {
  const { apply, books, clock } = await start(500n, { budgets: [budgetOf({})] });
  await apply({ reserves: [callOf("c1")] });
  clock.advance(60_001);
  await apply({ settles: [lostOf("c1")] });
  await apply({ settles: [endOf("c1")] });
  assert.deepEqual(
    books[2]?.changes.listChanged().map(({ after }) => after.used),
    [40n],
  );
});

test("a balance that falls below the mark says so, in that batch only", async () => {
  const { apply, tables } = await start(90n);
  const said = () =>
    tables.rows
      .events()
      .filter(({ type }) => type === "billing.balance.low")
      .map(({ data }) => data);
  const small = { inputTokens: 10n, maxOutputTokens: 15n, minOutputTokens: 15n };
  await apply({ reserves: [callOf("c1", small)] });
  await apply({ settles: [endOf("c1")] });
  assert.deepEqual(said(), [], "50 are left, which is the mark");
  await apply({
    reserves: [
      callOf("c2", { ...small, maxOutputTokens: 1n, minOutputTokens: 1n }),
      callOf("c3", { inputTokens: 1n, maxOutputTokens: 0n, minOutputTokens: 0n }),
    ],
  });
  await apply({ settles: [endOf("c2", { inputTokens: 1n, outputTokens: 0n })] });
  const wallet = { tenantId: "ten_1", walletId: "wal_1", currency: "USD" };
  assert.deepEqual(said(), [{ ...wallet, availableNanos: 48n, thresholdNanos: 50n }]);
  await apply({ settles: [endOf("c3", { inputTokens: 1n, outputTokens: 0n })] });
  assert.equal(said().length, 1);
});
