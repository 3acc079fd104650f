import { reconciliationDrift } from "@lyss/contracts/events/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { fromRatesJson, providerCostNanos } from "../provider-cost/provider-cost.ts";
import { toProviderCost } from "../provider-cost/provider-cost-ops.ts";
import type { AttemptRow, AttemptSum } from "../provider-cost/provider-cost-store.ts";
import { correctCharges } from "./correct-charges.ts";
import { toDifferenceMessage } from "./difference-message.ts";
import type { ReconcileDeps } from "./reconcile-deps.ts";
import type { Reconciliation } from "./reconciliation.ts";
import type { Correction } from "./reconciliation-store.ts";
import {
  absolute,
  compare,
  type Difference,
  type DifferenceState,
  type RecordedSum,
  type ReportLine,
  sumReport,
  type Tolerance,
} from "./report.ts";

export interface ReconcileInput {
  readonly provider: string;
  readonly lines: readonly ReportLine[];
  readonly tolerance: Tolerance;
}

const maxDays = 92;
const msPerDay = 86_400_000;
const maxSaidDifferences = 10;

/**
 * Compares a provider's report with what we recorded, day by day and model by model. Where a line names an attempt of which only
 * the provider knew what it was (it did not end well, its usage was not reported, or its price is not known), our ledger takes it over as a
 * correction, and a customer who had paid by an estimate gets the difference, in the open period. What was reported by the provider at
 * the time is never touched: that it differs is what a reconciliation is for. All of it commits together, with the event when the drift is
 * beyond the tolerance. Repeating a report corrects nothing again. Throws `kit.invalid_request` for a report that is empty, spans more
 * than 92 days, or names a request twice.
 */
export async function reconcile(deps: ReconcileDeps, input: ReconcileInput): Promise<Reconciliation> {
  const { db, random, reconciliations, providerCosts, outbox, currency } = deps;
  const { provider, lines, tolerance } = input;
  const { fromDay, toDay } = checkReport(lines);
  const reconciliationId = random.id("rec");
  const { run, tenantIds } = await db.transaction(async (tx) => {
    await reconciliations.lockProvider(tx, provider);
    const corrected = await correctAttempts(tx, deps, { ...input, reconciliationId });
    const charges = await correctCharges(tx, deps, corrected);
    const recorded = toRecorded(await providerCosts.sumAttempts(tx, provider, fromDay, toDay));
    const differences = compare(sumReport(lines), recorded, tolerance);
    const drift = differences.filter(({ state }) => state === "drift");
    const stored = await reconciliations.insertReconciliation(tx, {
      ...{ reconciliationId, provider, currency, fromDay, toDay, lines: lines.length, differences },
      ...{ toleranceNanos: tolerance.nanos, tolerancePpm: tolerance.ppm },
      state: stateOf(differences),
      reportedNanos: sumOf(differences.map(({ costNanos }) => costNanos)),
      recordedNanos: sumOf(differences.map(({ recordedNanos }) => recordedNanos)),
      driftNanos: sumOf(drift.map(({ deltaNanos }) => absolute(deltaNanos))),
      ...{
        correctedAttempts: corrected.size,
        refundedNanos: charges.refundedNanos,
        chargedNanos: charges.chargedNanos,
      },
    });
    if (stored.state === "drift") await sayDrift(tx, outbox, stored, drift);
    return { run: stored, tenantIds: charges.tenantIds };
  });
  tenantIds.forEach(deps.wake);
  return run;
}

function stateOf(differences: readonly Difference[]): DifferenceState {
  const found = new Set(differences.map(({ state }) => state));
  return (["drift", "unknown"] as const).find((state) => found.has(state)) ?? "matched";
}

async function sayDrift(tx: Tx, outbox: Outbox, run: Reconciliation, drift: readonly Difference[]): Promise<void> {
  const { reconciliationId, provider, fromDay, toDay, driftNanos } = run;
  const differences = drift.slice(0, maxSaidDifferences).map(toDifferenceMessage);
  await outbox.append(tx, reconciliationDrift, { reconciliationId, provider, fromDay, toDay, driftNanos, differences });
}

function checkReport(lines: readonly ReportLine[]): { readonly fromDay: string; readonly toDay: string } {
  const days = lines.map(({ day }) => day).sort();
  const [fromDay] = days;
  if (fromDay === undefined) throw invalid("must have a line", "至少需要一行");
  const toDay = days.at(-1) ?? fromDay;
  if (Date.parse(toDay) - Date.parse(fromDay) >= maxDays * msPerDay) {
    throw invalid(`must not span more than ${maxDays} days`, `跨度不得超过 ${maxDays} 天`);
  }
  const named = lines.flatMap(({ requestId }) => (requestId === "" ? [] : [requestId]));
  const seen = new Set<string>();
  const double = named.find((requestId) => seen.size === seen.add(requestId).size);
  if (double !== undefined) throw invalid(`must not name request ${double} twice`, `请求 ${double} 出现两次`);
  return { fromDay, toDay };
}

/** Takes over what a report says of attempts that are not known for sure. Gives those lines by `<call id>/<attempt>`. */
async function correctAttempts(
  tx: Tx,
  { providerCosts, reconciliations }: ReconcileDeps,
  { provider, lines, reconciliationId }: ReconcileInput & { readonly reconciliationId: string },
): Promise<ReadonlyMap<string, ReportLine>> {
  const named = new Map(
    lines.flatMap((line) => (line.requestId === "" ? [] : [[nameOf(line.requestId), line] as const])),
  );
  if (named.size === 0) return new Map();
  const callIds = [...new Set([...named.keys()].map((name) => name.slice(0, name.lastIndexOf("/"))))];
  const attempts = await providerCosts.findAttempts(tx, callIds);
  const taken = new Map<string, ReportLine>();
  const corrections: Correction[] = [];
  for (const attempt of attempts) {
    const name = `${attempt.callId}/${attempt.attempt}`;
    const line = named.get(name);
    if (!line || attempt.provider !== provider) continue;
    const { outcome, isEstimated, costNanos } = toProviderCost(attempt);
    const isKnown = !isEstimated && costNanos !== undefined;
    if (isKnown && (outcome === "completed" || attempt.corrections > 0)) continue;
    taken.set(name, line);
    corrections.push(toCorrection(attempt, line, reconciliationId));
  }
  if (corrections.length > 0) await reconciliations.insertCorrections(tx, corrections);
  return taken;
}

/** What there is to add to an attempt until it is what the line says. */
function toCorrection(row: AttemptRow, line: ReportLine, reconciliationId: string): Correction {
  const { callId, attempt, provider, model } = row;
  const recorded = row.rates ? providerCostNanos(fromRatesJson(row.rates), row) : 0n;
  return {
    ...{ callId, attempt, provider, model, reconciliationId, startedAtMs: row.startedAt.getTime() },
    inputTokens: line.inputTokens - row.inputTokens - row.addedInput,
    cachedInputTokens: line.cachedInputTokens - row.cachedInputTokens - row.addedCachedInput,
    outputTokens: line.outputTokens - row.outputTokens - row.addedOutput,
    costNanos: line.costNanos - recorded - row.addedNanos,
  };
}

/** Sums of all prices by day and model. A sum's cost is rounded once, where each attempt's would be. */
function toRecorded(sums: readonly AttemptSum[]): readonly RecordedSum[] {
  const byName = Map.groupBy(sums, ({ day, model }) => JSON.stringify([day, model]));
  return [...byName.values()].flatMap((ofName) => {
    const [first] = ofName;
    if (!first) return [];
    const costNanos = ofName.map(
      (sum) => (sum.rates ? providerCostNanos(fromRatesJson(sum.rates), sum) : 0n) + sum.addedNanos,
    );
    return [
      {
        ...{ day: first.day, model: first.model, costNanos: sumOf(costNanos) },
        inputTokens: sumOf(ofName.map((sum) => sum.inputTokens)),
        cachedInputTokens: sumOf(ofName.map((sum) => sum.cachedInputTokens)),
        outputTokens: sumOf(ofName.map((sum) => sum.outputTokens)),
        unknownAttempts: sumOf(ofName.map((sum) => sum.unknown)),
        estimatedAttempts: sumOf(ofName.map((sum) => sum.estimated)),
      },
    ];
  });
}

/** `<call id>/<attempt>` for what a report may call by the call's id alone. */
function nameOf(requestId: string): string {
  return requestId.includes("/") ? requestId : `${requestId}/1`;
}

function sumOf(nanos: readonly bigint[]): bigint {
  return nanos.reduce((sum, one) => sum + one, 0n);
}

function invalid(reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field: "lines", reason, reason_zh_CN });
}
