import { buckets, costOf, type Rates } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import type { Outcome, Tokens } from "../model.ts";

/** An immutable version of what a provider's model costs us, in force until the next one is written. */
export interface CostPrice {
  readonly costPriceId: string;
  readonly provider: string;
  readonly model: string;
  readonly version: number;
  readonly currency: string;
  readonly rates: Rates;
  readonly createdAt: Date;
}

export type NewCostPrice = Omit<CostPrice, "createdAt">;

/** What is known of an attempt's cost: as it was recorded, with what reports have corrected since. */
export interface ProviderCost extends Tokens {
  readonly callId: string;
  readonly attempt: number;
  readonly tenantId: string;
  readonly provider: string;
  readonly model: string;
  readonly outcome: Outcome;
  /** False when a customer paid for another attempt of the call instead. */
  readonly isCharged: boolean;
  /** True when nobody but the provider knows what it was: it broke off, was given up, or
   * reported nothing, and no report has told since. What the provider refused is known to have cost nothing. */
  readonly isEstimated: boolean;
  /** Undefined when no price is known for the time at which it began, and no report has said what it cost. */
  readonly costNanos: bigint | undefined;
  /** Empty when none was in force. */
  readonly costPriceId: string;
  readonly startedAt: Date;
}

/** What so many tokens cost at these rates. */
export function providerCostNanos(rates: Rates, tokens: Tokens): bigint {
  return costOf({ rates }, toQuantities(tokens), { startedAtMs: 0 }).costNanos;
}

/** Rates as the database keeps them. */
export type RatesJson = Readonly<Record<string, string>>;

export function toRatesJson(rates: Rates): RatesJson {
  return Object.fromEntries(Object.entries(rates).map(([bucket, rate]) => [bucket, String(rate)]));
}

export function fromRatesJson(json: RatesJson): Rates {
  return Object.fromEntries(buckets.flatMap((bucket) => (json[bucket] ? [[bucket, BigInt(json[bucket])]] : [])));
}

/** The same rates, in whatever order. */
export function hasSameRates(a: Rates, b: Rates): boolean {
  return buckets.every((bucket) => a[bucket] === b[bucket]);
}
