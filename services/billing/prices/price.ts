import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { type TokenRates, toTerms } from "@lyss/contracts/pricing/token-price.ts";
import { compare } from "../compare.ts";

/** Who says what a price is: a provider's configuration, the list of well-known prices, or a person. */
export type PriceOrigin = "provider" | "catalog" | "operator";

/** Whose prices: a tenant's, a plan's, or, where both are empty, everyone's. */
export interface PriceOwner {
  readonly tenantId: string;
  readonly planId: string;
}

export const everyone: PriceOwner = { tenantId: "", planId: "" };

/** An immutable version of what a provider's model costs. */
export interface Price extends PriceOwner {
  /**
   * Names all that the terms depend on: the version, and where a plan's mark-up is part of them, after a `+` the version
   * of the plan.
   */
  readonly priceId: string;
  readonly provider: string;
  readonly model: string;
  readonly version: number;
  readonly currency: string;
  readonly terms: PriceTerms;
  readonly origin: PriceOrigin;
  /** Calls are charged with it from then on, until a later version is in effect. */
  readonly effectiveAt: Date;
  readonly createdAt: Date;
  /** Whether its time had come when it was read. */
  readonly isInForce: boolean;
}

/** A version that is about to be written, in effect at once unless it says from when; the database stamps it. */
export type NewPrice = Omit<Price, "createdAt" | "effectiveAt" | "isInForce"> & {
  readonly effectiveAt: Date | undefined;
};

/** A price that is to be: three rates, or whatever terms a price may have. */
export type PriceInput = { readonly provider: string; readonly model: string } & (
  | TokenRates
  | { readonly terms: PriceTerms }
);

export function termsOf(input: PriceInput): PriceTerms {
  return "terms" in input ? input.terms : toTerms(input);
}

const freePpm = -1_000_000;

/** Terms under a plan whose mark-up is added to that of the price itself; together they take off no more than all. */
export function withMarkup(terms: PriceTerms, planMarkupPpm: number): PriceTerms {
  if (planMarkupPpm === 0) return terms;
  return { ...terms, markupPpm: Math.max((terms.markupPpm ?? 0) + planMarkupPpm, freePpm) };
}

/** The same terms, however they are written down. */
export function hasSameTerms(a: PriceTerms, b: PriceTerms): boolean {
  return canonicalTerms(a) === canonicalTerms(b);
}

function canonicalTerms(terms: PriceTerms): string {
  return JSON.stringify(terms, (_key, value: unknown) => {
    if (typeof value === "bigint") return value.toString();
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compare(a, b)));
  });
}

/** What a source of prices has said of a model so far. */
export interface PriceHistory {
  readonly current: Price | undefined;
  readonly newestVersion: number;
  readonly lastByProvider: Price | undefined;
  readonly lastByCatalog: Price | undefined;
  /** The newest of those that come into effect when the new one would. */
  readonly sameTime: Price | undefined;
}

/**
 * Whether a new version is to be written. A source that repeats itself says nothing new, so what a person has corrected
 * since stays; and the catalog never takes the place of what a provider's configuration or a person says.
 */
export function isNews(history: PriceHistory, terms: PriceTerms, origin: PriceOrigin, isScheduled: boolean): boolean {
  const { current, lastByProvider, lastByCatalog, sameTime } = history;
  switch (origin) {
    case "provider":
      return !lastByProvider || !hasSameTerms(lastByProvider.terms, terms);
    case "catalog":
      if (current && current.origin !== "catalog") return false;
      return !lastByCatalog || !hasSameTerms(lastByCatalog.terms, terms);
    case "operator": {
      const known = isScheduled ? sameTime : current;
      return known?.origin !== "operator" || !hasSameTerms(known.terms, terms);
    }
  }
}
