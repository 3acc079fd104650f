import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptRow, AttemptSum } from "@lyss/services/billing/provider-cost/provider-cost-store.ts";
import { type ReconcileInput, reconcile } from "@lyss/services/billing/reconciliation/reconcile.ts";
import type { ReconcileDeps } from "@lyss/services/billing/reconciliation/reconcile-deps.ts";
import type { Correction } from "@lyss/services/billing/reconciliation/reconciliation-store.ts";
import type { ReportLine } from "@lyss/services/billing/reconciliation/report.ts";
import { start, startMs } from "./memory-batch.ts";
import { outcomeOf } from "./memory-credit.ts";

const day = "2026-03-10";
/** One nano per input token, two per output token. */
const rates = { input: "1000000", cacheRead: "0", output: "2000000" };

const lineOf = (more: Partial<ReportLine> = {}): ReportLine => ({
  ...{ day, model: "m", account: "", requestId: "", costNanos: 50n },
  ...{ inputTokens: 10n, cachedInputTokens: 3n, outputTokens: 20n, ...more },
});
const sumOf = (more: Partial<AttemptSum> = {}): AttemptSum => ({
  ...{ day, model: "m", calls: 1n, estimated: 0n, rates, unknown: 0n, addedNanos: 0n },
  ...{ inputTokens: 10n, cachedInputTokens: 3n, outputTokens: 20n, ...more },
});
const attemptOf = (callId: string, more: Partial<AttemptRow> = {}): AttemptRow => ({
  ...{ callId, attempt: 1, provider: "p", model: "m", tenantId: "ten_1", outcome: "truncated", isCharged: true },
  ...{ isEstimated: true, startedAtMs: 5n, startedAt: new Date(5), day, costPriceId: "cpr_1", rates, corrections: 0 },
  ...{ inputTokens: 4n, cachedInputTokens: 1n, outputTokens: 6n },
  ...{ addedInput: 0n, addedCachedInput: 0n, addedOutput: 0n, addedNanos: 0n, ...more },
});

/** A ledger of what providers cost that has these attempts and sums. */
async function startLedger(attempts: readonly AttemptRow[] = [], sums: readonly AttemptSum[] = [sumOf()]) {
  const world = await start(1_000n);
  const asked: unknown[][] = [];
  const corrections: Correction[] = [];
  const woken: string[] = [];
  const deps = {
    ...{ ...world.deps, maxRaisePpm: 1_000_000, wake: (tenantId: string) => void woken.push(tenantId) },
    reconciliations: {
      lockProvider: async (_tx: unknown, provider: string) => void asked.push(["lock", provider]),
      insertCorrections: async (_tx: unknown, rows: readonly Correction[]) => void corrections.push(...rows),
      listEstimatedCharges: async (_tx: unknown, callIds: readonly string[]) =>
        [...new Set(callIds)].map((callId) => ({
          ...{ callId, attempt: 1, tenantId: "ten_1", walletId: "wal_1", priceId: "prc_1", costNanos: 90n },
          ...{ startedAt: new Date(startMs), serviceMode: null },
        })),
      insertReconciliation: async (_tx: unknown, run: object) => ({ ...run, createdAt: new Date(7) }),
    },
    providerCosts: {
      async findAttempts(_tx: unknown, callIds: readonly string[]) {
        asked.push(["attempts", ...callIds]);
        return attempts;
      },
      async sumAttempts(_tx: unknown, provider: string, from: string, to: string) {
        asked.push(["sums", provider, from, to]);
        return sums;
      },
    },
  } as unknown as ReconcileDeps;
  return {
    ...{ ...world, asked, corrections, woken },
    run: (lines: readonly ReportLine[], more: Partial<ReconcileInput> = {}) =>
      outcomeOf(reconcile(deps, { provider: "p", lines, tolerance: { nanos: 0n, ppm: 0 }, ...more })),
    said: () => world.tables.rows.events().map(({ type, data }) => [type, data as Record<string, unknown>]),
  };
}

test("a report that says what we recorded matches, and the run tells both sides and the tolerance", async () => {
  const { run, asked, said, woken } = await startLedger();
  const { reconciliationId, ...stored } = (await run([lineOf()], { tolerance: { nanos: 3n, ppm: 5 } })) as Record<
    string,
    unknown
  >;
  assert.match(String(reconciliationId), /^rec_/);
  const tokens = { inputTokens: 10n, cachedInputTokens: 3n, outputTokens: 20n };
  const difference = {
    ...{ ...tokens, day, model: "m", account: "", costNanos: 50n, state: "matched", recordedTokens: tokens },
    ...{ recordedNanos: 50n, deltaNanos: 0n, unknownAttempts: 0n, estimatedAttempts: 0n },
  };
  assert.deepEqual(stored, {
    ...{ provider: "p", currency: "USD", fromDay: day, toDay: day, lines: 1, differences: [difference] },
    ...{ toleranceNanos: 3n, tolerancePpm: 5, state: "matched", reportedNanos: 50n, recordedNanos: 50n },
    ...{ driftNanos: 0n, correctedAttempts: 0, refundedNanos: 0n, chargedNanos: 0n, createdAt: new Date(7) },
  });
  assert.deepEqual(
    [asked, said(), woken],
    [
      [
        ["lock", "p"],
        ["sums", "p", day, day],
      ],
      [],
      [],
    ],
  );
});

test("a drift either way is summed up, and said with the first ten of its differences", async () => {
  const { run, said } = await startLedger([], [sumOf(), sumOf({ model: "n" })]);
  const more = Array.from({ length: 11 }, (_, i) => lineOf({ model: `x${i}`, costNanos: 1n }));
  const stored = (await run([lineOf({ costNanos: 57n }), lineOf({ model: "n", costNanos: 45n }), ...more])) as Record<
    string,
    unknown
  >;
  assert.deepEqual(
    [stored["state"], stored["driftNanos"], stored["reportedNanos"], stored["recordedNanos"]],
    ["drift", 23n, 113n, 100n],
  );
  const [[type, event] = []] = said() as [string, Record<string, unknown>][];
  assert.equal(type, "billing.reconciliation.drift");
  const { differences, ...facts } = event ?? {};
  const { reconciliationId } = stored;
  assert.deepEqual(facts, { reconciliationId, provider: "p", fromDay: day, toDay: day, driftNanos: 23n });
  const told = differences as readonly Record<string, unknown>[];
  assert.equal(told.length, 10);
  assert.deepEqual(told[0], {
    ...{ day, model: "m", account: "", state: "drift", reportedNanos: 57n, recordedNanos: 50n },
    ...{ unknownAttempts: 0n, estimatedAttempts: 0n, reportedTokens: 33n, recordedTokens: 33n },
  });
});

test("sums at several prices of a day and model are one, with what reports have added; what has no price is not known", async () => {
  const { run } = await startLedger(
    [],
    [
      sumOf({ addedNanos: 5n, estimated: 2n }),
      sumOf({ rates: null, addedNanos: 7n, unknown: 3n, estimated: 1n }),
      sumOf({ day: "2026-03-11" }),
    ],
  );
  const stored = (await run([lineOf(), lineOf({ day: "2026-03-12" })])) as { differences: Record<string, unknown>[] };
  const [first, second] = stored.differences;
  assert.deepEqual(
    [first?.["recordedNanos"], first?.["state"], first?.["unknownAttempts"], first?.["estimatedAttempts"]],
    [62n, "unknown", 3n, 3n],
  );
  assert.deepEqual(first?.["recordedTokens"], { inputTokens: 20n, cachedInputTokens: 6n, outputTokens: 40n });
  assert.deepEqual([second?.["day"], second?.["recordedNanos"]], ["2026-03-11", 50n]);
});

test("a report is of at least one line, spans no more than 92 days, and names each request once", async () => {
  const { run } = await startLedger();
  const invalid = (reason: string, reason_zh_CN: string) => ({
    ...{ code: "kit.invalid_request", field: "lines", reason, reason_zh_CN },
  });
  assert.deepEqual(await run([]), invalid("must have a line", "至少需要一行"));
  const span = (from: string, to: string) => run([from, to, from].map((one) => lineOf({ day: one })));
  assert.deepEqual(
    await span("2026-01-01", "2026-04-03"),
    invalid("must not span more than 92 days", "跨度不得超过 92 天"),
  );
  const longest = await span("2026-01-01", "2026-04-02");
  assert.ok("fromDay" in longest);
  assert.deepEqual([longest.fromDay, longest.toDay], ["2026-01-01", "2026-04-02"]);
  assert.deepEqual(
    await run(["a", "b", "a"].map((requestId) => lineOf({ requestId }))),
    invalid("must not name request a twice", "请求 a 出现两次"),
  );
  assert.ok("fromDay" in (await run([lineOf(), lineOf()])), "lines by day name none");
});

test("what only the provider knew is taken over as the difference to what was recorded, by the attempt's name", async () => {
  const { run, asked, corrections } = await startLedger([
    attemptOf("c1"),
    attemptOf("c1", { attempt: 2, addedInput: 1n, addedCachedInput: 1n, addedOutput: 2n, addedNanos: 3n }),
    attemptOf("c2", { rates: null, costPriceId: null, outcome: "completed", isEstimated: false }),
  ]);
  const stored = (await run(["c1", "c1/2", "c2"].map((requestId) => lineOf({ requestId })))) as Record<string, unknown>;
  assert.deepEqual(asked[1], ["attempts", "c1", "c2"]);
  const { reconciliationId } = stored;
  const names = { reconciliationId, provider: "p", model: "m", startedAtMs: 5 };
  assert.deepEqual(corrections, [
    {
      ...{ ...names, callId: "c1", attempt: 1, inputTokens: 6n, cachedInputTokens: 2n, outputTokens: 14n },
      costNanos: 34n,
    },
    {
      ...{ ...names, callId: "c1", attempt: 2, inputTokens: 5n, cachedInputTokens: 1n, outputTokens: 12n },
      costNanos: 31n,
    },
    {
      ...{ ...names, callId: "c2", attempt: 1, inputTokens: 6n, cachedInputTokens: 2n, outputTokens: 14n },
      costNanos: 50n,
    },
  ]);
  assert.equal(stored["correctedAttempts"], 3);
});

test("what is known for sure is left as it is, and so are attempts of another provider or without a line", async () => {
  const sure = { outcome: "completed", isEstimated: false } as const;
  const { run, corrections, woken, moneyOf } = await startLedger([
    attemptOf("c1", sure),
    attemptOf("c2", { corrections: 1 }),
    attemptOf("c3", { provider: "q" }),
    attemptOf("c4", { attempt: 2 }),
  ]);
  const stored = (await run(["c1", "c2", "c3", "c4"].map((requestId) => lineOf({ requestId })))) as Record<
    string,
    unknown
  >;
  assert.deepEqual([stored["correctedAttempts"], corrections, woken, moneyOf()], [0, [], [], [1_000n, 0n]]);
});

test("what did not end well and is known to have cost nothing is taken over once all the same", async () => {
  const { run, corrections } = await startLedger([attemptOf("c1", { outcome: "failed", isEstimated: false })]);
  await run([lineOf({ requestId: "c1/1" })]);
  assert.equal(corrections.length, 1);
});

test("a customer who had paid by an estimate gets the difference in the same run, and is told", async () => {
  const { run, moneyOf, woken, tables } = await startLedger([attemptOf("c1")]);
  const stored = (await run([lineOf({ requestId: "c1", cachedInputTokens: 0n })])) as Record<string, unknown>;
  assert.deepEqual([stored["refundedNanos"], stored["chargedNanos"], woken], [40n, 0n, ["ten_1"]]);
  assert.deepEqual(moneyOf(), [1_040n, 0n]);
  const correction = tables.rows.postings().find(({ kind }) => kind === "correction");
  assert.equal(correction?.reference, "c1/1");
});
