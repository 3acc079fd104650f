import {
  type Bucket,
  buckets,
  type CallTerms,
  type Cost,
  costOf,
  inputCount,
  type PriceTerms,
  type Quantities,
  rateOf,
  ratesFor,
} from "./price.ts";

/** What a bucket of a call costs. */
export interface CostLine {
  readonly bucket: Bucket;
  readonly quantity: bigint;
  readonly nanosPerMillion: bigint;
  /** Quantity times rate, exactly, in trillionths of a nano. */
  readonly trillionths: bigint;
}

/** A cost line by line: lines + mark-up + rounding = cost, exactly. */
export interface ItemizedCost extends Cost {
  readonly lines: readonly CostLine[];
  /** What the mark-up adds to the lines, or takes off when negative. */
  readonly markupTrillionths: bigint;
}

const trillionthsPerMillionth = 1_000_000n;

/** What `costOf` comes to, with how it came about. Empty buckets have no line. */
export function itemize(terms: PriceTerms, quantities: Quantities, call: CallTerms): ItemizedCost {
  const rates = ratesFor(terms, inputCount(quantities), call);
  let sum = 0n;
  const lines = buckets.flatMap((bucket): CostLine[] => {
    const quantity = quantities[bucket];
    if (!quantity) return [];
    const nanosPerMillion = rateOf(rates, bucket);
    sum += quantity * nanosPerMillion;
    return [{ bucket, quantity, nanosPerMillion, trillionths: quantity * nanosPerMillion * trillionthsPerMillionth }];
  });
  return { ...costOf(terms, quantities, call), lines, markupTrillionths: sum * BigInt(terms.markupPpm ?? 0) };
}
