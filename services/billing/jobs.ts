import type { Job } from "@lyss/kit/service/define-service.ts";
import type { BillingOps } from "./ops.ts";

/** Billing's background work. */
export function createBillingJobs(ops: BillingOps): readonly Job[] {
  return [
    { name: "expire-holds", everyMs: 5_000, run: () => ops.expireHolds() },
    { name: "expire-grants", everyMs: 30_000, run: (signal) => ops.grants.expire(signal) },
    { name: "keep-usage-days", everyMs: 3_600_000, run: (signal) => ops.keepUsageDays(signal) },
    { name: "keep-usage-sums", everyMs: 3_600_000, run: (signal) => ops.keepUsageSums(signal) },
    { name: "retry-refunds", everyMs: 30_000, run: (signal) => ops.payments.retryRefunds(signal) },
    { name: "collect-debts", everyMs: 60_000, run: (signal) => ops.payments.collectDebts(signal) },
    { name: "poll-orders", everyMs: 30_000, run: (signal) => ops.payments.pollOrders(signal) },
    { name: "expire-leases", everyMs: 5_000, run: () => ops.expireLeases() },
    { name: "verify-journal", everyMs: 2_000, run: (signal) => ops.runIntegrity(signal) },
  ];
}
