import type { BillingDeps } from "../deps.ts";

const dayMs = 86_400_000;
const rowsPerStatement = 10_000;

/** Takes out sums by minute that are older than is wanted, a bounded number at a time. A repeat is safe. */
export async function keepUsageMinutes(
  { usageSums, clock, usageMinuteRetentionDays }: Pick<BillingDeps, "usageSums" | "clock" | "usageMinuteRetentionDays">,
  signal?: AbortSignal,
): Promise<void> {
  const before = new Date(clock.nowMs() - usageMinuteRetentionDays * dayMs);
  do signal?.throwIfAborted();
  while ((await usageSums.deleteMinutes(before, rowsPerStatement)) === rowsPerStatement);
}
