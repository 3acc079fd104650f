import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Journal } from "../journal/journal.ts";
import type { PriceVersions } from "../prices/price-versions.ts";
import type { ProviderCostDeps } from "../provider-cost/provider-cost-ops.ts";
import type { ReconciliationStore } from "./reconciliation-store.ts";

/** What comparing a report with our ledger needs. */
export interface ReconcileDeps extends ProviderCostDeps {
  readonly reconciliations: ReconciliationStore;
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly wake: (tenantId: string) => void;
  readonly priceVersions: PriceVersions;
  readonly maxRaisePpm: number;
}
