import type { BillingDeps } from "../deps.ts";

/**
 * Opens the days ahead, and drops those that are older than is wanted, one transaction each. Without
 * `usageRetentionDays` none is dropped. A repeat is safe.
 */
export async function keepUsageDays(
  { days, log, usageRetentionDays }: BillingDeps,
  signal?: AbortSignal,
): Promise<void> {
  await days.openUsual();
  if (usageRetentionDays === undefined) return;
  for (;;) {
    signal?.throwIfAborted();
    const day = await days.dropOldest(usageRetentionDays);
    if (day === undefined) return;
    log.info({ day }, "a day of usage is dropped: it is older than billing.usageRetentionDays");
  }
}
