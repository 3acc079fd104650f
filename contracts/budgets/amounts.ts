import { foldCounts, type TokenCounts } from "../pricing/token-price.ts";

/** What a budget counts. */
export const budgetUnits = ["money", "tokens", "calls"] as const;
export type BudgetUnit = (typeof budgetUnits)[number];

/** How much of each unit: nano-units of money, tokens, calls. */
export type Amounts = Readonly<Record<BudgetUnit, bigint>>;

/** What `amountOf` gives for each unit. */
export function eachUnit(amountOf: (unit: BudgetUnit) => bigint): Amounts {
  return { money: amountOf("money"), tokens: amountOf("tokens"), calls: amountOf("calls") };
}

/** Of money only. */
export function ofMoney(nanos: bigint): Amounts {
  return { money: nanos, tokens: 0n, calls: 0n };
}

export function isNothing({ money, tokens, calls }: Amounts): boolean {
  return money === 0n && tokens === 0n && calls === 0n;
}

/** What a call that has ended takes of budgets: what was paid, all tokens in and out, and one call if it counts as one. */
export function spentAmounts(tokens: TokenCounts, costNanos: bigint, isCounted: boolean): Amounts {
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(tokens);
  return { money: costNanos, tokens: inputTokens + cachedInputTokens + outputTokens, calls: isCounted ? 1n : 0n };
}
