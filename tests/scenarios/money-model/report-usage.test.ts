import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewReport, ReportStore, StoredReport } from "@lyss/services/billing/reports/report-store.ts";
import { type ReportDeps, type ReportedUse, reportUsage } from "@lyss/services/billing/reports/report-usage.ts";
import { callOf, start, startMs } from "./memory-batch.ts";
import { outcomeOf } from "./memory-credit.ts";

const dayMs = 86_400_000;
/** What cost 40 nanos. */
const useOf = (reportId: string, more: Partial<ReportedUse> = {}): ReportedUse => ({
  ...{ reportId, provider: "p", model: "m", userId: "usr_1", keyId: "key_1", startedAtMs: startMs - 5 },
  ...{ serviceMode: undefined, latencyMs: 7n, tags: undefined },
  ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 15n, ...more },
});

/** A tenant with so much money that reports usage; transactions end whole or not at all. */
async function startReports(balanceNanos: bigint) {
  const world = await start(balanceNanos);
  const rows = new Map<string, StoredReport>();
  const opened: unknown[] = [];
  /** What the next transactions end with. */
  const faults: Error[] = [];
  const nameOf = (tenantId: string, reportId: string) => `${tenantId} ${reportId}`;
  const reports: ReportStore = {
    async claim(_tx, tenantId, claims: readonly NewReport[]) {
      const fresh = claims.filter(({ reportId }) => !rows.has(nameOf(tenantId, reportId)));
      for (const claim of fresh) {
        rows.set(nameOf(tenantId, claim.reportId), { ...claim, priceId: "", costNanos: 0n, postingId: "" });
      }
      return new Set(fresh.map(({ reportId }) => reportId));
    },
    async finish(_tx, tenantId, finished) {
      for (const one of finished) {
        const claimed = rows.get(nameOf(tenantId, one.reportId));
        assert.ok(claimed);
        rows.set(nameOf(tenantId, one.reportId), { ...claimed, ...one });
      }
    },
    find: async (_tx, tenantId, ids) => ids.flatMap((id) => rows.get(nameOf(tenantId, id)) ?? []),
  };
  const { transaction } = world.tables.db;
  const deps = {
    ...{ ...world.deps, reports, priceStore: world.options.priceStore, clock: world.clock },
    days: { open: async (days: readonly string[]) => void opened.push(days) },
    db: {
      async transaction(work: (tx: unknown) => Promise<unknown>) {
        const before = [...rows];
        try {
          return await transaction(async (tx) => {
            const result = await work(tx);
            const fault = faults.shift();
            if (fault) throw fault;
            return result;
          });
        } catch (err) {
          rows.clear();
          for (const [name, row] of before) rows.set(name, row);
          throw err;
        }
      },
    },
  } as unknown as ReportDeps;
  return {
    ...{ ...world, rows, opened, faults },
    report: (uses: readonly ReportedUse[], tenantId = "ten_1") => outcomeOf(reportUsage(deps, { tenantId, uses })),
  };
}
type Results = readonly (StoredReport & { readonly isRepeat: boolean })[];

test("reported usage is charged at the prices of now, as calls of their own in one posting", async () => {
  const { report, moneyOf, postings, tables } = await startReports(1_000n);
  const results = (await report([
    useOf("r1", { tags: "env=prod", serviceMode: "batch" }),
    useOf("r2", { startedAtMs: undefined, outputTokens: 0n }),
  ])) as Results;
  assert.deepEqual(
    results.map(({ reportId, priceId, costNanos, isRepeat, startedAt }) => [
      ...[reportId, priceId, costNanos, isRepeat, startedAt.getTime() - startMs],
    ]),
    [
      ["r1", "prc_1", 40n, false, -5],
      ["r2", "prc_1", 10n, false, 0],
    ],
  );
  assert.deepEqual([moneyOf(), postings().length], [[950n, 0n], 1]);
  assert.ok(results.every(({ callId, postingId }) => /^call_/.test(callId) && /^pst_/.test(postingId)));
  const usage = tables.rows.usages().get(`${results[0]?.callId}/1`);
  assert.ok(usage);
  const { requestId, keyId, userId, provider, model, outcome, isEstimated, latencyMs, tags, serviceMode } = usage;
  assert.deepEqual(
    { requestId, keyId, userId, provider, model, outcome, isEstimated, latencyMs, tags, serviceMode },
    {
      ...{ requestId: "r1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m", outcome: "completed" },
      ...{ isEstimated: false, latencyMs: 7n, tags: "env=prod", serviceMode: "batch" },
    },
  );
  assert.deepEqual([usage.startedAtMs, usage.outputTokens], [BigInt(startMs - 5), 15n]);
  assert.deepEqual({ ...usage, leaseId: "" }, usage, "drawn from no lease");
});

test("what was reported before is not charged again, and gives what it came to then, whatever it stands beside", async () => {
  const { report, moneyOf } = await startReports(1_000n);
  const [first] = (await report([useOf("r1")])) as Results;
  const again = (await report([useOf("r2"), useOf("r1")])) as Results;
  assert.deepEqual(again[1], { ...first, isRepeat: true });
  assert.deepEqual([again[0]?.isRepeat, moneyOf()], [false, [920n, 0n]]);
  assert.deepEqual(((await report([useOf("r1")])) as Results)[0]?.callId, first?.callId);
  await report([useOf("r1")], "ten_2");
  assert.deepEqual(
    [moneyOf(), moneyOf("ten_2")],
    [
      [920n, 0n],
      [960n, 0n],
    ],
    "names are a tenant's own",
  );
});

test("a name that was used for anything else is refused, and nothing of its report is charged", async () => {
  const { report, moneyOf } = await startReports(1_000n);
  await report([useOf("r1")]);
  const changes: readonly Partial<ReportedUse>[] = [
    ...[{ outputTokens: 16n }, { model: "n" }, { keyId: "key_2" }, { startedAtMs: startMs }, { tags: "a=1" }],
    ...[{ serviceMode: "flex" as const }, { latencyMs: 8n }],
  ];
  for (const more of changes) {
    assert.deepEqual(await report([useOf("r2"), useOf("r1", more)]), { code: "billing.report_changed", id: "r1" });
  }
  assert.deepEqual(moneyOf(), [960n, 0n]);
  const { tags, ...rest } = useOf("r1");
  assert.equal(((await report([{ tags, ...rest }])) as Results)[0]?.isRepeat, true, "in whatever order it is said");
});

test("what the wallet has not available is refused whole, with what is needed for all of it", async () => {
  const { report, moneyOf, apply } = await startReports(170n);
  await apply({ reserves: [callOf("c1")] });
  assert.deepEqual(await report([useOf("r1"), useOf("r2")]), {
    ...{ code: "billing.report_unaffordable", required: "0.00000008", available: "0.00000007", currency: "USD" },
    top_up_url: "/v1/billing/top-up",
  });
  assert.deepEqual(moneyOf(), [170n, 100n]);
  assert.equal(((await report([useOf("r1")])) as Results).length, 1);
});

test("usage that costs nothing has no posting; a model without a price and a tenant without a wallet are refused", async () => {
  const { report, rows, moneyOf } = await startReports(1_000n);
  const [free] = (await report([useOf("r1", { inputTokens: 0n, outputTokens: 0n })])) as Results;
  assert.deepEqual([free?.costNanos, free?.postingId, free?.priceId], [0n, "", "prc_1"]);
  for (const more of [{ model: "x" }, { provider: "x" }]) {
    const names = { provider: "p", model: "m", ...more };
    assert.deepEqual(await report([useOf("r2"), useOf("r3", more)]), { code: "billing.price_missing", ...names });
  }
  assert.deepEqual(await report([useOf("r2")], "ten_x"), { code: "billing.wallet_not_found" });
  assert.deepEqual([rows.size, moneyOf()], [1, [1_000n, 0n]]);
});

test("usage lies within the last thirty days, and no more than five minutes ahead of this clock", async () => {
  const { report } = await startReports(1_000n);
  const at = (ms: number) => report([useOf("r1"), useOf(`at ${ms}`, { startedAtMs: startMs + ms })]);
  for (const ms of [-30 * dayMs, 300_000]) assert.ok(Array.isArray(await at(ms)));
  for (const ms of [-30 * dayMs - 1, 300_001]) {
    assert.deepEqual(await at(ms), {
      ...{ code: "kit.invalid_request", field: "started_at" },
      ...{ reason: `of 'at ${ms}' must lie within the last 30 days` },
      reason_zh_CN: `“at ${ms}”的开始时间必须在最近 30 天内`,
    });
  }
});

test("a day that is not open is opened, each once, and the report is done; what fails for another reason is thrown", async () => {
  const { report, faults, opened, moneyOf } = await startReports(1_000n);
  const missing = Object.assign(new Error("no partition"), { code: "23514", table_name: "usage" });
  faults.push(missing);
  const earlier = { startedAtMs: startMs - dayMs };
  await report([useOf("r1", earlier), useOf("r2", earlier), useOf("r3", { startedAtMs: undefined })]);
  assert.deepEqual([opened, moneyOf()], [[["2026-03-09", "2026-03-10"]], [880n, 0n]]);
  faults.push(new Error("away"));
  await assert.rejects(report([useOf("r4")]), /away/);
  assert.deepEqual([opened.length, moneyOf()], [1, [880n, 0n]]);
});
