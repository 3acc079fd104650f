import { createHash } from "node:crypto";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { compare } from "../compare.ts";
import type { Fact } from "../fact.ts";
import { availableNanos, formatNanos, type PricedMode, type Tokens } from "../model.ts";
import { type FactsDeps, postInside } from "../post-facts.ts";
import type { PriceStore } from "../prices/price-store.ts";
import { toJson } from "../to-json.ts";
import { dayOf, isDayMissing } from "../usage/usage-days.ts";
import type { FinishedReport, ReportStore, StoredReport } from "./report-store.ts";

const maxAgeMs = 30 * 86_400_000;
/** The reporter's clock may be ahead of ours. */
const maxAheadMs = 300_000;

/** Usage that Lyss did not see itself. */
export interface ReportedUse extends Tokens {
  /** Names it within its tenant; a repeat with the same one charges nothing again. */
  readonly reportId: string;
  readonly provider: string;
  readonly model: string;
  readonly userId: string;
  readonly keyId: string;
  /** When it began; now when undefined. */
  readonly startedAtMs: number | undefined;
  readonly serviceMode: PricedMode | undefined;
  readonly latencyMs: bigint;
  readonly tags: TagsText | undefined;
}

export interface ReportUsageInput {
  readonly tenantId: string;
  /** 1 to 200, each named once. */
  readonly uses: readonly ReportedUse[];
}

export interface ReportResult extends StoredReport {
  /** True for one that was reported before. */
  readonly isRepeat: boolean;
}

export interface ReportDeps extends FactsDeps {
  readonly reports: ReportStore;
  readonly priceStore: PriceStore;
  readonly clock: Clock;
}

/**
 * Charges usage that was reported, at the prices in force now: rows of usage, one posting and its event, all of it or nothing. One that
 * was reported before changes nothing and gives what it came to then. It counts in budgets, which do not refuse what has
 * happened. Throws `kit.invalid_request` for a start that
 * is not of the last 30 days, `wallet_not_found`, `price_missing`, `report_unaffordable` when the wallet has not enough available,
 * and `report_changed` for a name that was used for something else.
 */
export async function reportUsage(deps: ReportDeps, input: ReportUsageInput): Promise<readonly ReportResult[]> {
  const nowMs = deps.clock.nowMs();
  for (const { reportId, startedAtMs = nowMs } of input.uses) requireRecent(reportId, startedAtMs, nowMs);
  const report = () => deps.db.transaction((tx) => reportInside(tx, deps, input, nowMs));
  try {
    return await report();
  } catch (err) {
    if (!isDayMissing(err)) throw err;
    await deps.days.open([...new Set(input.uses.map(({ startedAtMs = nowMs }) => dayOf(startedAtMs)))]);
    return report();
  }
}

/** Older usage would fall into days that may be gone. */
function requireRecent(reportId: string, startedAtMs: number, nowMs: number): void {
  if (startedAtMs >= nowMs - maxAgeMs && startedAtMs <= nowMs + maxAheadMs) return;
  const reason = `of '${reportId}' must lie within the last 30 days`;
  throw new Failure(kitFailures.invalid_request, {
    ...{ field: "started_at", reason, reason_zh_CN: `“${reportId}”的开始时间必须在最近 30 天内` },
  });
}

async function reportInside(
  tx: Tx,
  deps: ReportDeps,
  { tenantId, uses }: ReportUsageInput,
  nowMs: number,
): Promise<readonly ReportResult[]> {
  const named = uses.map((use) => ({
    ...{ use, reportId: use.reportId, contentHash: hashOf(use), callId: deps.random.id("call") },
    startedAt: new Date(use.startedAtMs ?? nowMs),
  }));
  const claimed = await deps.reports.claim(
    tx,
    tenantId,
    named.map(({ use: _, ...report }) => report),
  );
  const fresh = named.filter(({ reportId }) => claimed.has(reportId));
  if (fresh.length > 0) await deps.reports.finish(tx, tenantId, await charge(tx, deps, tenantId, fresh));
  const reportIds = named.map(({ reportId }) => reportId);
  const stored = new Map((await deps.reports.find(tx, tenantId, reportIds)).map((report) => [report.reportId, report]));
  return named.map(({ reportId, contentHash }) => {
    const report = stored.get(reportId);
    if (report?.contentHash !== contentHash) throw new Failure(billingFailures.report_changed, { id: reportId });
    return { ...report, isRepeat: !claimed.has(reportId) };
  });
}

interface NamedUse extends Pick<StoredReport, "reportId" | "contentHash" | "callId" | "startedAt"> {
  readonly use: ReportedUse;
}

async function charge(
  tx: Tx,
  deps: ReportDeps,
  tenantId: string,
  fresh: readonly NamedUse[],
): Promise<readonly FinishedReport[]> {
  const wanted = fresh.map(({ use: { provider, model } }) => ({ tenantId, provider, model }));
  const priceIds = new Map(
    (await deps.priceStore.findPrices(tx, wanted)).map((price) => [nameOf(price), price.priceId] as const),
  );
  const facts = fresh.map(({ use, callId, reportId, startedAt }): Fact => {
    const priceId = priceIds.get(nameOf(use));
    const { provider, model, reportId: _, startedAtMs: _started, ...used } = use;
    if (priceId === undefined) throw new Failure(billingFailures.price_missing, { provider, model });
    return {
      ...{ ...used, provider, model, callId, attempt: 1, leaseId: "", requestId: reportId, tenantId, priceId },
      ...{ outcome: "completed", isEstimated: false, startedAtMs: BigInt(startedAt.getTime()) },
    };
  });
  const { drawn, before } = await postInside(tx, deps, facts, false);
  if (drawn.uncollectedNanos > 0n) {
    const requiredNanos = drawn.posted.reduce((sum, fact) => sum + fact.costNanos + fact.uncollectedNanos, 0n);
    const [available = 0n] = before.map(availableNanos);
    throw new Failure(billingFailures.report_unaffordable, {
      required: formatNanos(requiredNanos),
      available: formatNanos(available),
      currency: deps.currency,
      top_up_url: "/v1/billing/top-up",
    });
  }
  return drawn.posted.map(({ requestId: reportId, priceId, costNanos, postingId }) => {
    return { reportId, priceId, costNanos, postingId: costNanos > 0n ? postingId : "" };
  });
}

function nameOf({ provider, model }: { readonly provider: string; readonly model: string }): string {
  return JSON.stringify([provider, model]);
}

/** Of everything that is said; what is left out is left out in a repeat. */
function hashOf(use: ReportedUse): string {
  const parts = Object.entries(use).sort(([one], [other]) => compare(one, other));
  return createHash("sha256").update(toJson(parts)).digest("hex");
}
