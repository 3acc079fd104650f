import type { PriceTerms, Quantities } from "./price.ts";

/** A price that knows three kinds of token, as `lyss.billing.v1.PriceRates` carries it. */
export interface TokenRates {
  readonly inputNanosPerMillion: bigint;
  readonly cachedInputNanosPerMillion: bigint;
  readonly outputNanosPerMillion: bigint;
}

/** Tokens of three kinds, each counted once: cached input is not part of input. */
export interface TokenCounts {
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
}

export function toTerms(rates: TokenRates): PriceTerms {
  const { inputNanosPerMillion: input, cachedInputNanosPerMillion: cacheRead, outputNanosPerMillion: output } = rates;
  return { rates: { input, cacheRead, output } };
}

export function toQuantities({ inputTokens, cachedInputTokens, outputTokens }: TokenCounts): Quantities {
  return { input: inputTokens, cacheRead: cachedInputTokens, output: outputTokens };
}
