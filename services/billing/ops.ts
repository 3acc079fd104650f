import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { UsageScope } from "@lyss/contracts/usage/usage-scope.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { rebuildProjection } from "@lyss/kit/event-sourcing/projection.ts";
import { createBudgetOps } from "./budgets/budget-ops.ts";
import type { CreditParts } from "./credit-parts.ts";
import type { BillingDeps } from "./deps.ts";
import type { Fact } from "./fact.ts";
import type { LeaseChange } from "./lease.ts";
import type { ReserveRequest, SettleRequest } from "./ledger-requests.ts";
import { type CloseLeasesInput, closeLeases } from "./ops/close-leases.ts";
import { createWallet } from "./ops/create-wallet.ts";
import { expireHolds } from "./ops/expire-holds.ts";
import { expireLeases } from "./ops/expire-leases.ts";
import { getBalance } from "./ops/get-balance.ts";
import { postFacts } from "./ops/post-facts.ts";
import { type TopUpWalletInput, topUpWallet } from "./ops/top-up-wallet.ts";
import type { Payments } from "./payments/payments.ts";
import { exportPerson } from "./persons/export-person.ts";
import { createPricesOps } from "./prices/ops.ts";
import type { RaiseRequest } from "./raise-hold.ts";
import { type ReportUsageInput, reportUsage } from "./reports/report-usage.ts";
import { exportUsage } from "./usage/export-usage.ts";
import { type FollowUsageInput, followUsage } from "./usage/follow-usage.ts";
import { getCosts } from "./usage/get-costs.ts";
import { getReceipt } from "./usage/get-receipt.ts";
import { getUsageTotals, type UsageTotalsInput } from "./usage/get-usage-totals.ts";
import { keepUsageDays } from "./usage/keep-usage-days.ts";
import { keepUsageSums } from "./usage/keep-usage-sums.ts";
import { type ListUsageInput, listUsage } from "./usage/list-usage.ts";
import { type ListUsageSummaryInput, listUsageSummary } from "./usage/list-usage-summary.ts";
import { sumUsage } from "./usage/sum-usage.ts";
import type { UsageFilter } from "./usage/usage-store.ts";

/** Binds billing's operations to what they need. */
export function createBillingOps(deps: BillingDeps, payments: Payments, credit: CreditParts) {
  return {
    payments,
    ...credit,
    createWallet: (input: { tenantId: string }) => createWallet(deps, input),
    topUpWallet: (input: TopUpWalletInput) => topUpWallet(deps, input),
    getBalance: (input: { tenantId: string }) => getBalance(deps, input),
    listUsage: (input: ListUsageInput) => listUsage(deps, input),
    followUsage: (input: FollowUsageInput) => followUsage(deps, input),
    sumUsage: () => sumUsage(deps),
    listUsageSummary: (input: ListUsageSummaryInput) => listUsageSummary(deps, input),
    getUsageTotals: (input: UsageTotalsInput) => getUsageTotals(deps, input),
    exportUsage: (input: UsageFilter) => exportUsage(deps, input),
    getCosts: (input: ListUsageSummaryInput) => getCosts(deps, input),
    getReceipt: (input: UsageScope & { callId: string }) => getReceipt(deps, input),
    rebuildUsageSummary: (signal?: AbortSignal) =>
      rebuildProjection({ db: deps.db, projection: deps.usageProjection, ...(signal && { signal }) }),
    ...createPricesOps(deps),
    reserveCall: (input: ReserveRequest) => deps.ledger.reserve(input),
    raiseHold: (input: RaiseRequest) => deps.ledger.raise(input),
    settleCall: (input: SettleRequest) => deps.ledger.settle(input),
    extendHolds: ({ callIds }: { callIds: readonly string[] }) =>
      deps.db.transaction((tx) => deps.store.extendHolds(tx, callIds, deps.holdTtlMs)),
    exportPerson: (tx: Tx, person: ExportedPerson) => exportPerson(deps.persons, tx, person),
    expireHolds: () => expireHolds(deps),
    changeLease: (change: LeaseChange) => deps.ledger.changeLease(change),
    extendLeases: ({ nodeId, leaseIds }: { nodeId: string; leaseIds: readonly string[] }) =>
      deps.db.transaction((tx) => deps.leases.extendLeases(tx, nodeId, leaseIds, deps.leaseTtlMs)),
    closeLeases: (input: CloseLeasesInput) => closeLeases(deps, input),
    expireLeases: () => expireLeases(deps),
    postFacts: (input: { facts: readonly Fact[] }) => postFacts(deps, input),
    reportUsage: (input: ReportUsageInput) => reportUsage(deps, input),
    keepUsageDays: (signal?: AbortSignal) => keepUsageDays(deps, signal),
    keepUsageSums: (signal?: AbortSignal) => keepUsageSums(deps, signal),
    leaseTtlMs: deps.leaseTtlMs,
    live: deps.live,
    ...deps.integrityOps,
    ...deps.reconciliation,
    ...deps.invoiceOps,
    ...createBudgetOps(deps),
  };
}

export type BillingOps = ReturnType<typeof createBillingOps>;
