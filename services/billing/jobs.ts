import type { Job } from "@lyss/kit/service/define-service.ts";
import type { BillingOps } from "./ops.ts";

/** Billing's background work. */
export function createBillingJobs(ops: BillingOps): readonly Job[] {
  return [
    { name: "expire-holds", everyMs: 5_000, run: () => ops.expireHolds() },
    { name: "keep-usage-days", everyMs: 3_600_000, run: (signal) => ops.keepUsageDays(signal) },
    { name: "poll-orders", everyMs: 30_000, run: (signal) => ops.payments.pollOrders(signal) },
    { name: "expire-leases", everyMs: 5_000, run: () => ops.expireLeases() },
  ];
}
