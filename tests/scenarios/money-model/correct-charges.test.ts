import assert from "node:assert/strict";
import { test } from "node:test";
import { correctCharges } from "@lyss/services/billing/reconciliation/correct-charges.ts";
import type { ReconcileDeps } from "@lyss/services/billing/reconciliation/reconcile-deps.ts";
import type { EstimatedCharge } from "@lyss/services/billing/reconciliation/reconciliation-store.ts";
import type { ReportLine } from "@lyss/services/billing/reconciliation/report.ts";
import { callOf, start, startMs, tx } from "./memory-batch.ts";

const chargeOf = (callId: string, costNanos: bigint, more: Partial<EstimatedCharge> = {}): EstimatedCharge => ({
  ...{ callId, attempt: 1, tenantId: "ten_1", walletId: "wal_1", priceId: "prc_1", costNanos },
  ...{ startedAt: new Date(startMs), serviceMode: null, ...more },
});
const lineOf = (inputTokens: bigint, outputTokens: bigint): ReportLine => ({
  ...{ day: "2026-03-10", model: "m", account: "", requestId: "", costNanos: 0n },
  ...{ inputTokens, cachedInputTokens: 0n, outputTokens },
});

/** Two tenants that paid by estimates; `second` is what a look under the locks finds, where that is something else. */
async function startEstimated(charges: readonly EstimatedCharge[], second = charges, balanceNanos = 1_000n) {
  const world = await start(balanceNanos);
  const looks = [charges, second];
  const asked: unknown[] = [];
  const reconciliations = {
    async listEstimatedCharges(given: unknown, callIds: readonly string[]) {
      asked.push([given, callIds]);
      return [...(looks.shift() ?? [])];
    },
  };
  const deps = { ...world.deps, reconciliations, maxRaisePpm: 500_000 } as unknown as ReconcileDeps;
  return {
    ...{ ...world, asked },
    correct: (lines: Readonly<Record<string, ReportLine>>) => correctCharges(tx, deps, new Map(Object.entries(lines))),
  };
}

test("an estimate that was too high is given back, one too low is charged within bounds, each as a posting of now", async () => {
  const world = await startEstimated([chargeOf("c1", 100n), chargeOf("c2", 40n, { attempt: 2 })]);
  const { correct, moneyOf, postings, asked } = world;
  const corrected = await correct({ "c1/1": lineOf(10n, 10n), "c2/2": lineOf(10n, 25n) });
  assert.deepEqual(corrected, { refundedNanos: 70n, chargedNanos: 20n, tenantIds: ["ten_1"] });
  assert.deepEqual(moneyOf(), [1_050n, 0n]);
  const [own, revenue] = ["wallet:wal_1", "revenue"];
  assert.deepEqual(postings(), [
    {
      ...{ kind: "correction", reference: "c1/1" },
      entries: [
        { account: own, amountNanos: 70n },
        { account: revenue, amountNanos: -70n },
      ],
    },
    {
      ...{ kind: "correction", reference: "c2/2" },
      entries: [
        { account: own, amountNanos: -20n },
        { account: revenue, amountNanos: 20n },
      ],
    },
  ]);
  assert.deepEqual(asked, [
    [tx, ["c1", "c2"]],
    [tx, ["c1", "c2"]],
  ]);
  assert.ok(world.tables.rows.postings().every(({ currency }) => currency === "USD"));
});

test("several corrections of a wallet are decided one after the other: none takes what the one before has taken", async () => {
  const charges = ["c1", "c2", "c3"].map((callId) => chargeOf(callId, 100n));
  const { correct, apply, moneyOf } = await startEstimated(charges, charges, 150n);
  await apply({ reserves: [callOf("held", { inputTokens: 0n, maxOutputTokens: 40n, minOutputTokens: 40n })] });
  const more = lineOf(200n, 0n);
  assert.deepEqual(await correct({ "c1/1": more, "c2/1": more, "c3/1": more }), {
    ...{ refundedNanos: 0n, chargedNanos: 70n, tenantIds: ["ten_1"] },
  });
  assert.deepEqual(moneyOf(), [80n, 80n]);
});

test("a call is priced at its own version, in its own mode, at the time at which it began", async () => {
  const rates = (input: bigint) => ({ input: input * 1_000_000n });
  const minute = 12 * 60 + 1;
  const windows = [
    { fromMinute: minute, toMinute: minute + 1, rates: rates(3n) },
    { fromMinute: 0, toMinute: 1, rates: rates(4n) },
  ];
  const cases: readonly (readonly [Partial<EstimatedCharge>, bigint])[] = [
    [{}, 95n],
    [{ serviceMode: "batch" }, 90n],
    [{ startedAt: new Date(startMs + 60_000) }, 85n],
    [{ startedAt: null }, 80n],
  ];
  for (const [more, refundedNanos] of cases) {
    const { correct, putPrice } = await startEstimated([chargeOf("c1", 100n, { priceId: "prc_2", ...more })]);
    await putPrice({ priceId: "prc_2", terms: { rates: rates(1n), modes: { batch: rates(2n) }, windows } });
    assert.equal((await correct({ "c1/1": lineOf(5n, 0n) })).refundedNanos, refundedNanos);
  }
});

test("cached input is priced as such", async () => {
  const { correct, putPrice } = await startEstimated([chargeOf("c1", 100n, { priceId: "prc_2" })]);
  await putPrice({ priceId: "prc_2", terms: { rates: { input: 5_000_000n, cacheRead: 1_000_000n } } });
  const line = { ...lineOf(2n, 0n), cachedInputTokens: 30n };
  assert.equal((await correct({ "c1/1": line })).refundedNanos, 60n);
});

test("what was right already, has no price or no line, or was corrected by another run meanwhile, moves no money", async () => {
  const charges = [
    ...[chargeOf("c1", 40n), chargeOf("c2", 40n, { priceId: "prc_x" }), chargeOf("c3", 40n), chargeOf("c4", 40n)],
    chargeOf("c5", 40n, { walletId: "wal_9" }),
  ];
  const { correct, moneyOf, postings } = await startEstimated(charges, charges.slice(0, 3).concat(charges.slice(4)));
  const less = lineOf(1n, 1n);
  assert.deepEqual(
    await correct({ "c1/1": lineOf(10n, 15n), "c2/1": less, "c3/2": less, "c4/1": less, "c5/1": less }),
    {
      ...{ refundedNanos: 0n, chargedNanos: 0n, tenantIds: ["ten_1"] },
    },
  );
  assert.deepEqual([moneyOf(), postings()], [[1_000n, 0n], []]);
});

test("each tenant's money is its own, and all of them are told", async () => {
  const { correct, moneyOf } = await startEstimated([
    chargeOf("c1", 100n),
    chargeOf("c2", 100n, { tenantId: "ten_2", walletId: "wal_2" }),
    chargeOf("c3", 100n),
  ]);
  const free = lineOf(0n, 0n);
  const { tenantIds } = await correct({ "c1/1": free, "c2/1": free, "c3/1": free });
  assert.deepEqual(
    [tenantIds, moneyOf("ten_1"), moneyOf("ten_2")],
    [
      ["ten_1", "ten_2"],
      [1_200n, 0n],
      [1_100n, 0n],
    ],
  );
});

test("where a report names no call, or none that was estimated, nobody's wallet is locked", async () => {
  const none = { refundedNanos: 0n, chargedNanos: 0n, tenantIds: [] };
  const { correct, asked, takeSent } = await startEstimated([]);
  takeSent();
  assert.deepEqual([await correct({}), asked], [none, []]);
  assert.deepEqual(await correct({ "c/1/1": lineOf(1n, 1n) }), none);
  assert.deepEqual([asked, takeSent()], [[[tx, ["c/1"]]], []]);
});
