import type { Ledger } from "../ledger.ts";
import type { PriceVersions } from "../prices/price-versions.ts";
import { createProviderCostStore, type ProviderCostStore } from "../provider-cost/provider-cost-store.ts";
import type { ReconcileDeps } from "./reconcile-deps.ts";
import { createReconciliationOps, type ReconciliationOps } from "./reconciliation-ops.ts";
import { createReconciliationStore } from "./reconciliation-store.ts";

const ppmPerPercent = 10_000;

/** Wires what providers cost, and the comparison with their reports. */
export function startReconciliation({
  ledger,
  prices,
  settings,
  ...shared
}: Pick<ReconcileDeps, "db" | "journal" | "outbox" | "random" | "currency"> & {
  readonly ledger: Ledger;
  readonly prices: { readonly priceVersions: PriceVersions };
  readonly settings: { readonly maxCorrectionPercent: number };
}): { readonly reconciliation: ReconciliationOps; readonly providerCosts: ProviderCostStore } {
  const { sql } = shared.db;
  const providerCosts = createProviderCostStore(sql);
  const reconciliation = createReconciliationOps({
    ...{ ...shared, sql, providerCosts, reconciliations: createReconciliationStore(sql), wake: ledger.wake },
    ...{ priceVersions: prices.priceVersions, maxRaisePpm: settings.maxCorrectionPercent * ppmPerPercent },
  });
  return { reconciliation, providerCosts };
}
