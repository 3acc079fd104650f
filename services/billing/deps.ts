import type { Projection } from "@lyss/kit/event-sourcing/projection.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { DebtStore } from "./debts/debt-store.ts";
import type { IntegrityOps } from "./integrity/integrity-ops.ts";
import type { InvoiceOps } from "./invoices/ops.ts";
import type { Ledger } from "./ledger.ts";
import type { LiveDeps } from "./live/send-live.ts";
import type { PersonStore } from "./persons/person-store.ts";
import type { FactsDeps } from "./post-facts.ts";
import type { PricesDeps } from "./prices/ops.ts";
import type { ProviderCostStore } from "./provider-cost/provider-cost-store.ts";
import type { ReconciliationOps } from "./reconciliation/reconciliation-ops.ts";
import type { ReportStore } from "./reports/report-store.ts";
import type { TagSumStore } from "./usage/tag-sum-store.ts";
import type { UsageStore } from "./usage/usage-store.ts";
import type { UsageSumStore } from "./usage/usage-sum-store.ts";

/** What billing's operations are given. */
export interface BillingDeps extends FactsDeps, PricesDeps {
  readonly debts: DebtStore;
  /** What is kept of one person. */
  readonly persons: PersonStore;
  readonly idempotency: Idempotency;
  readonly ledger: Ledger;
  readonly integrityOps: IntegrityOps;
  readonly providerCosts: ProviderCostStore;
  readonly reconciliation: ReconciliationOps;
  readonly invoiceOps: InvoiceOps;
  readonly usage: UsageStore;
  readonly usageSums: UsageSumStore;
  readonly tagSums: TagSumStore;
  readonly reports: ReportStore;
  readonly usageProjection: Projection;
  readonly clock: Clock;
  /** What is told as it happens. */
  readonly live: LiveDeps;
  readonly holdTtlMs: number;
  readonly leaseTtlMs: number;
  readonly usageRetentionDays: number | undefined;
  readonly usageMinuteRetentionDays: number;
  readonly usageTagRetentionDays: number;
}
