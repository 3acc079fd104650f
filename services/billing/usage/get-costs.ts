import type { Page } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageSum } from "../model.ts";
import { type ListUsageSummaryInput, listUsageSummary, rangeOf } from "./list-usage-summary.ts";

export interface Costs {
  readonly currency: string;
  /** Of the whole time, whatever the page. */
  readonly totalNanos: bigint;
  readonly page: Page<UsageSum>;
}

/** What usage cost, by interval and group, with the total of the time. Throws as `listUsageSummary` does. */
export async function getCosts(
  deps: Pick<BillingDeps, "usageHours" | "clock" | "currency">,
  input: ListUsageSummaryInput,
): Promise<Costs> {
  // One time for both.
  const { from, to } = rangeOf(input, deps.clock.nowMs());
  const { tenantId, userId, keyId } = input;
  const [page, totalNanos] = await Promise.all([
    listUsageSummary(deps, { ...input, toMs: to.getTime() }),
    deps.usageHours.sumCost({ tenantId, userId, keyId, from, to }),
  ]);
  return { currency: deps.currency, totalNanos, page };
}
