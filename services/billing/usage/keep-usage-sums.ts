import type { BillingDeps } from "../deps.ts";
import type { AgingSums } from "./usage-sum-store.ts";

const dayMs = 86_400_000;
const rowsPerStatement = 10_000;

/** Takes out sums by minute and by tag that are older than is wanted, a bounded number at a time. A repeat is safe. */
export async function keepUsageSums(
  {
    usageSums,
    clock,
    usageMinuteRetentionDays,
    usageTagRetentionDays,
  }: Pick<BillingDeps, "usageSums" | "clock" | "usageMinuteRetentionDays" | "usageTagRetentionDays">,
  signal?: AbortSignal,
): Promise<void> {
  const keptDays: Readonly<Record<AgingSums, number>> = {
    minute: usageMinuteRetentionDays,
    tag_hour: usageTagRetentionDays,
    tag_day: usageTagRetentionDays,
  };
  for (const [kind, days] of Object.entries(keptDays) as [AgingSums, number][]) {
    const before = new Date(clock.nowMs() - days * dayMs);
    do signal?.throwIfAborted();
    while ((await usageSums.deleteSums(kind, before, rowsPerStatement)) === rowsPerStatement);
  }
}
