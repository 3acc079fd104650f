import { type Bucket, buckets, inputBuckets, outputBuckets, type PriceTerms, type Quantities } from "./price.ts";

/** A price that knows three kinds of token, as `lyss.billing.v1.PriceRates` carries it. */
export interface TokenRates {
  readonly inputNanosPerMillion: bigint;
  readonly cachedInputNanosPerMillion: bigint;
  readonly outputNanosPerMillion: bigint;
}

/** Buckets that most calls have none of. */
export type OtherBucket = Exclude<Bucket, "input" | "cacheRead" | "output">;
export type OtherQuantities = { readonly [B in OtherBucket]?: bigint };

/** What a call used, each thing counted once: cached input is not part of input, reasoning is not part of output. */
export interface TokenCounts {
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  /** Everything else; undefined when there is none. */
  readonly otherBuckets?: OtherQuantities | undefined;
}

const counted: ReadonlySet<Bucket> = new Set(["input", "cacheRead", "output"]);
export const otherBucketNames = buckets.filter((bucket): bucket is OtherBucket => !counted.has(bucket));

export function toTerms(rates: TokenRates): PriceTerms {
  const { inputNanosPerMillion: input, cachedInputNanosPerMillion: cacheRead, outputNanosPerMillion: output } = rates;
  return { rates: { input, cacheRead, output } };
}

export function toQuantities({ inputTokens, cachedInputTokens, outputTokens, otherBuckets }: TokenCounts): Quantities {
  const common = { input: inputTokens, cacheRead: cachedInputTokens, output: outputTokens };
  return otherBuckets ? { ...otherBuckets, ...common } : common;
}

/** Only what is more than nothing; undefined when that is none. */
export function toOtherQuantities(quantities: Quantities): OtherQuantities | undefined {
  let found: { [B in OtherBucket]?: bigint } | undefined;
  for (const bucket of otherBucketNames) {
    const quantity = quantities[bucket];
    if (!quantity) continue;
    found ??= {};
    found[bucket] = quantity;
  }
  return found;
}

/** Just what was counted, without what else the object holds. */
export function pickCounts({ inputTokens, cachedInputTokens, outputTokens, otherBuckets }: TokenCounts): TokenCounts {
  return { inputTokens, cachedInputTokens, outputTokens, ...(otherBuckets && { otherBuckets }) };
}

/** Tokens as people sum them up: what was read from a cache, all other input of any kind, and all output of any kind. */
export function foldCounts(counts: TokenCounts): TokenCounts {
  const { inputTokens, cachedInputTokens, outputTokens, otherBuckets } = counts;
  if (!otherBuckets) return { inputTokens, cachedInputTokens, outputTokens };
  const quantities: Quantities = otherBuckets;
  const sum = (names: readonly Bucket[], start: bigint) =>
    names.reduce((total, bucket) => total + (quantities[bucket] ?? 0n), start);
  return {
    inputTokens: sum(inputBuckets, inputTokens),
    cachedInputTokens,
    outputTokens: sum(outputBuckets, outputTokens),
  };
}
