import type { BillingDeps } from "../deps.ts";
import type { UsageTotal } from "./usage-sum-store.ts";

/** What all tenants together used in the day and in the month (UTC) that it is. Calls show up a moment after they are settled. */
export async function sumUsage({
  usageSums,
  clock,
}: Pick<BillingDeps, "usageSums" | "clock">): Promise<{ readonly today: UsageTotal; readonly month: UsageTotal }> {
  const now = new Date(clock.nowMs());
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const totals = await usageSums.sumDays(new Date(Date.UTC(year, month)), new Date(Date.UTC(year, month, day)));
  const { calls, costNanos, callsToday, costNanosToday } = totals;
  return { today: { calls: callsToday, costNanos: costNanosToday }, month: { calls, costNanos } };
}
