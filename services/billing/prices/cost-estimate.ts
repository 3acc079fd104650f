import { callTerms, costOf, type PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { compare } from "../compare.ts";
import type { ChargedCall } from "./costing-store.ts";
import { type Price, type PriceInput, termsOf, withMarkup } from "./price.ts";

/** What the calls of a model came to, and what they would have. */
export interface CostEstimate {
  readonly provider: string;
  readonly model: string;
  readonly calls: bigint;
  /** At the prices at which they were charged, whether the wallets could pay or not. */
  readonly chargedNanos: bigint;
  readonly proposedNanos: bigint;
  /** Calls that would cost less, and more. */
  readonly cheaper: bigint;
  readonly dearer: bigint;
  /** Calls of which nothing is proposed; they count at what was charged. */
  readonly unchanged: bigint;
}

/** What is to be tried in place of the prices at which calls were charged. */
export interface Proposal {
  readonly prices: readonly PriceInput[];
  /** On top of those prices, and of those that hold for all; of nothing else is anything proposed when it is undefined. */
  readonly markupPpm: number | undefined;
  /** Those that hold for all. */
  readonly general: readonly Pick<Price, "provider" | "model" | "terms">[];
  /** A plan's own, which its mark-up is no part of. */
  readonly own: readonly Pick<Price, "provider" | "model" | "terms">[];
}

/** The proposed terms by model: a plan's own prices before those that are tried, and these before those that hold for all. */
export function proposeTerms({ prices, markupPpm = 0, general, own }: Proposal): ReadonlyMap<string, PriceTerms> {
  const terms = new Map<string, PriceTerms>();
  for (const price of general) terms.set(nameOf(price), withMarkup(price.terms, markupPpm));
  for (const price of prices) terms.set(nameOf(price), withMarkup(termsOf(price), markupPpm));
  for (const price of own) terms.set(nameOf(price), price.terms);
  return terms;
}

/** Adds up calls model by model, as they were charged and as they would be at the proposed terms. */
export function createEstimates(proposed: ReadonlyMap<string, PriceTerms>) {
  const sums = new Map<string, { -readonly [K in keyof CostEstimate]: CostEstimate[K] }>();
  return {
    add(call: ChargedCall): void {
      const { provider, model, chargedNanos } = call;
      const nothing = { calls: 0n, chargedNanos: 0n, proposedNanos: 0n, cheaper: 0n, dearer: 0n, unchanged: 0n };
      const sum = sums.getOrInsertComputed(nameOf(call), () => ({ provider, model, ...nothing }));
      const terms = proposed.get(nameOf(call));
      const when = callTerms(call.startedAtMs, call.serviceMode);
      const proposedNanos = terms ? costOf(terms, toQuantities(call), when).costNanos : chargedNanos;
      sum.calls++;
      sum.chargedNanos += chargedNanos;
      sum.proposedNanos += proposedNanos;
      if (!terms) sum.unchanged++;
      else if (proposedNanos < chargedNanos) sum.cheaper++;
      else if (proposedNanos > chargedNanos) sum.dearer++;
    },
    /** In the order of their names. */
    list: (): readonly CostEstimate[] => [...sums.values()].sort((a, b) => compare(nameOf(a), nameOf(b))),
  };
}

/** A NUL is in no name: PostgreSQL's text cannot hold one. */
function nameOf({ provider, model }: { readonly provider: string; readonly model: string }): string {
  return `${provider}\0${model}`;
}
