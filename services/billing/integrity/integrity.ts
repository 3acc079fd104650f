import { integrityFailed } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Degraded } from "@lyss/kit/health/health-check.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { BalanceDifference, BudgetDifference, IntegrityCause, IntegrityRun } from "./finding.ts";
import type { IntegrityRunStore } from "./run-store.ts";
import { type VerifyDeps, verifyMoney } from "./verify.ts";

export interface IntegrityDeps extends VerifyDeps {
  readonly runs: IntegrityRunStore;
  readonly outbox: Outbox;
  readonly random: Random;
  readonly log: Logger;
  readonly verifyEveryMs: number;
}

/** A node that says nothing for so long has stopped. */
const claimMs = 900_000;
const maxKeptRuns = 100;
const walletsPerRebuild = 500;
const maxSaidFindings = 10;

/** Wants a run, or gives the one that is open: a repeat is safe. It begins within seconds. */
export async function requestIntegrityRun(
  { db, runs, random }: IntegrityDeps,
  { cause }: { cause: IntegrityCause },
): Promise<IntegrityRun> {
  return db.transaction(async (tx) => {
    const run = await runs.openRun(tx, { runId: random.id("chk"), cause });
    await runs.deleteOldRuns(tx, maxKeptRuns);
    return run;
  });
}

/** Throws `integrity_run_not_found`. */
export async function getIntegrityRun({ runs }: IntegrityDeps, { runId }: { runId: string }): Promise<IntegrityRun> {
  const run = await runs.findRun(runId);
  if (!run) throw new Failure(billingFailures.integrity_run_not_found, { runId });
  return run;
}

/** Newest first. The last 100 are kept. */
export async function listIntegrityRuns(
  { runs }: IntegrityDeps,
  { limit, cursor }: PageRequest,
): Promise<Page<IntegrityRun>> {
  const [wantedAt, runId] = decodeCursor(cursor, 2) ?? [];
  const after = wantedAt !== undefined && runId !== undefined ? { wantedAt, runId } : undefined;
  return toPage(await runs.listRuns({ limit: limit + 1, after }), limit, (run) => [run.position, run.runId]);
}

/**
 * Does the open run, if there is one and no other node does; wants one when the last is older than `verifyEveryMs`. The result and
 * the event that something is wrong commit together. Safe on several nodes at once; one that stops in the middle leaves the
 * run to another after a quarter of an hour.
 */
export async function runIntegrity(deps: IntegrityDeps, signal?: AbortSignal): Promise<void> {
  const { db, runs, outbox, log } = deps;
  if (await runs.isDue(deps.verifyEveryMs)) await requestIntegrityRun(deps, { cause: "schedule" });
  const claimed = await db.transaction((tx) => runs.claimRun(tx, claimMs));
  if (!claimed) return;
  const { runId } = claimed;
  const report = await verifyMoney(deps, {
    signal,
    onProgress: (soFar) => db.transaction((tx) => runs.noteProgress(tx, runId, soFar, claimMs)),
  });
  await db.transaction(async (tx) => {
    if (!(await runs.endRun(tx, runId, report)) || report.findingCount === 0n) return;
    const findings = report.findings.slice(0, maxSaidFindings);
    await outbox.append(tx, integrityFailed, { runId, findingCount: report.findingCount, findings: [...findings] });
  });
  if (report.findingCount > 0n) {
    log.error({ run_id: runId, findings: report.findings.slice(0, maxSaidFindings) }, "the money does not add up");
  }
}

/** Degraded while the last run that ended found something. */
export async function probeIntegrity({ runs }: IntegrityDeps): Promise<Degraded | undefined> {
  const run = await runs.findLastEnded();
  if (!run || run.findingCount === 0n) return undefined;
  return { degraded: `the last check of the journal, ${run.runId}, found ${run.findingCount} differences` };
}

export interface RebuildInput {
  /** False to look only. */
  readonly apply: boolean;
  readonly cursor?: string | undefined;
}

export interface RebuiltPage extends Page<BalanceDifference> {
  /** How many wallets were looked at. */
  readonly checked: number;
  /** Those of the same tenants. */
  readonly budgets: readonly BudgetDifference[];
}

/**
 * Compares a page of wallets with what their entries, holds and leases come to, and their tenants' budgets with what calls in
 * flight have set aside; when `apply` is set, writes that, under the wallets' locks. What cannot be, such as a negative balance,
 * is left as it is and fails the page. A repeat finds nothing.
 */
export async function rebuildBalances(
  { db, integrity, log }: IntegrityDeps,
  { apply, cursor }: RebuildInput,
): Promise<RebuiltPage> {
  const [after = ""] = decodeCursor(cursor, 1) ?? [];
  const limit = walletsPerRebuild + 1;
  return db.transaction(async (tx) => {
    await integrity.lockWalletPage(tx, after, limit);
    const wallets = await integrity.listWallets(tx, after, limit);
    const page = toPage(wallets, walletsPerRebuild, ({ walletId }) => [walletId]);
    const differences = page.rows.filter(
      ({ balanceNanos, journalNanos, heldNanos, openNanos }) =>
        balanceNanos !== journalNanos || heldNanos !== openNanos,
    );
    const tenantIds = [...new Set(page.rows.map(({ tenantId }) => tenantId))];
    const budgets = await integrity.listDriftedBudgets(tx, tenantIds);
    if (apply) {
      for (const difference of differences) {
        await integrity.repairWallet(tx, difference);
        log.warn({ wallet: difference.walletId, before: String(difference.balanceNanos) }, "a wallet was rebuilt");
      }
      for (const budget of budgets) {
        await integrity.deleteStrayBudgetHolds(tx, budget.budgetId);
        await integrity.repairBudget(tx, budget);
        log.warn({ budget: budget.budgetId, before: String(budget.reserved) }, "a budget was rebuilt");
      }
    }
    return { rows: differences, budgets, checked: page.rows.length, nextCursor: page.nextCursor };
  });
}
