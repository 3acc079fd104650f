import { foldCounts, type TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { Outcome } from "../model.ts";
import type { Amounts } from "./model.ts";

interface Ended extends TokenCounts {
  readonly outcome: Outcome;
  readonly costNanos: bigint;
}

/** What an ended call takes of budgets: what was paid, all tokens in and out, and one call unless it failed or was lost. */
export function spentOf(ended: Ended): Amounts {
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(ended);
  return {
    money: ended.costNanos,
    tokens: inputTokens + cachedInputTokens + outputTokens,
    calls: ended.outcome === "failed" || ended.outcome === "lost" ? 0n : 1n,
  };
}
