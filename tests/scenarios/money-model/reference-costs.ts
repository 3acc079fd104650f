import type { Amounts } from "@lyss/contracts/budgets/amounts.ts";
import type { Rates, Tokens } from "@lyss/services/billing/model.ts";

const perMillion = 1_000_000n;

/** Rounded up once. */
export function costOf(rates: Rates, tokens: Tokens): bigint {
  const { inputNanosPerMillion, cachedInputNanosPerMillion, outputNanosPerMillion } = rates;
  const exact =
    tokens.inputTokens * inputNanosPerMillion +
    tokens.cachedInputTokens * cachedInputNanosPerMillion +
    tokens.outputTokens * outputNanosPerMillion;
  return (exact + perMillion - 1n) / perMillion;
}

/** Of a call whose input is all of the dearer kind. */
export function boundOf(rates: Rates, inputTokens: bigint, outputTokens: bigint): bigint {
  const all = { inputTokens, cachedInputTokens: 0n, outputTokens };
  const cached = { inputTokens: 0n, cachedInputTokens: inputTokens, outputTokens };
  return -least(-costOf(rates, all), -costOf(rates, cached));
}

/** What a call takes of budgets. */
export function spentBy(outcome: string, tokens: Tokens, { paidNanos }: { readonly paidNanos: bigint }): Amounts {
  const all = tokens.inputTokens + tokens.cachedInputTokens + tokens.outputTokens;
  return { money: paidNanos, tokens: all, calls: outcome === "failed" || outcome === "lost" ? 0n : 1n };
}

export function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
