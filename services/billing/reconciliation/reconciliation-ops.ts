import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import {
  type CostPriceInput,
  listCostPrices,
  listProviderCosts,
  putCostPrices,
} from "../provider-cost/provider-cost-ops.ts";
import { type ReconcileInput, reconcile } from "./reconcile.ts";
import type { ReconcileDeps } from "./reconcile-deps.ts";
import type { Reconciliation } from "./reconciliation.ts";

/** Throws `reconciliation_not_found`. */
async function getReconciliation(
  { reconciliations }: ReconcileDeps,
  { reconciliationId }: { readonly reconciliationId: string },
): Promise<Reconciliation> {
  const run = await reconciliations.findReconciliation(reconciliationId);
  if (!run) throw new Failure(billingFailures.reconciliation_not_found, { reconciliationId });
  return run;
}

/** Newest first. */
async function listReconciliations(
  { reconciliations }: ReconcileDeps,
  { provider, limit, cursor }: PageRequest & { readonly provider: string | undefined },
): Promise<Page<Reconciliation>> {
  const [createdAt, reconciliationId] = decodeCursor(cursor, 2) ?? [];
  const after = createdAt !== undefined && reconciliationId !== undefined ? { createdAt, reconciliationId } : undefined;
  const rows = await reconciliations.listReconciliations({ provider, after, limit: limit + 1 });
  return toPage(rows, limit, (run) => [run.position, run.reconciliationId]);
}

/** Binds what providers cost, and the comparison with their reports, to what they need. */
export function createReconciliationOps(deps: ReconcileDeps) {
  return {
    putCostPrices: (input: { readonly prices: readonly CostPriceInput[] }) => putCostPrices(deps, input),
    listCostPrices: (input: PageRequest & { readonly provider: string | undefined }) => listCostPrices(deps, input),
    listProviderCosts: (input: { readonly callId: string }) => listProviderCosts(deps, input),
    reconcileProvider: (input: ReconcileInput) => reconcile(deps, input),
    getReconciliation: (input: { readonly reconciliationId: string }) => getReconciliation(deps, input),
    listReconciliations: (input: PageRequest & { readonly provider: string | undefined }) =>
      listReconciliations(deps, input),
  };
}

export type ReconciliationOps = ReturnType<typeof createReconciliationOps>;
