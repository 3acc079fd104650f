import { type Amounts, spentAmounts } from "@lyss/contracts/budgets/amounts.ts";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { Outcome } from "../model.ts";

interface Ended extends TokenCounts {
  readonly outcome: Outcome;
  readonly costNanos: bigint;
}

/** What an ended call takes of budgets. One that failed or was lost is no call. */
export function spentOf(ended: Ended): Amounts {
  return spentAmounts(ended, ended.costNanos, ended.outcome !== "failed" && ended.outcome !== "lost");
}
