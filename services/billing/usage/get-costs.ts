import type { Page } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageSum } from "../model.ts";
import { keptDaysOf, type ListUsageSummaryInput, listUsageSummary, type SummaryDeps } from "./list-usage-summary.ts";
import { usageRangeOf } from "./usage-range.ts";

export interface Costs {
  readonly currency: string;
  /** Of the whole time, whatever the page. */
  readonly totalNanos: bigint;
  readonly page: Page<UsageSum>;
}

/** What usage cost, by unit of time and groups, with the total of the time. Throws as `listUsageSummary` does. */
export async function getCosts(
  deps: SummaryDeps & Pick<BillingDeps, "currency">,
  input: ListUsageSummaryInput,
): Promise<Costs> {
  // One time for both.
  const { from, to } = usageRangeOf(input, { nowMs: deps.clock.nowMs(), ...keptDaysOf(deps) });
  const { tenantId, userId, keyId, provider, model, unit } = input;
  const [page, totalNanos] = await Promise.all([
    listUsageSummary(deps, { ...input, toMs: to.getTime() }),
    deps.usageSums.sumCost({ tenantId, userId, keyId, provider, model, unit, from, to }),
  ]);
  return { currency: deps.currency, totalNanos, page };
}
