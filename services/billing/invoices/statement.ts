import type { Bucket } from "@lyss/contracts/pricing/price.ts";

/** Who sells, or buys. Empty text is not known. */
export interface Party {
  readonly name: string;
  /** Lines of the postal address. */
  readonly address: readonly string[];
  readonly tax_id: string;
  readonly email: string;
}

/** How many of a bucket's units were used, and what they come to. */
export interface BucketLine {
  readonly bucket: Bucket;
  readonly quantity: string;
  readonly nanos_per_million: string;
  /** Quantity times rate, exactly: nanos with up to twelve decimals. */
  readonly exact_nanos: string;
}

/** The calls of one model at one price version. */
export interface UsageLine {
  readonly provider: string;
  readonly model: string;
  readonly price_id: string;
  readonly price_version: number;
  /** How urgently the calls were served; null for the usual way. */
  readonly service_mode: string | null;
  /** Input above which these rates hold; null for the lowest tier. */
  readonly tier_above_input_tokens: string | null;
  /** The earlier period in which these calls began; null when they began in this one. */
  readonly about_period: string | null;
  readonly calls: string;
  /** Calls whose tokens were counted by Lyss, for the provider reported none. */
  readonly estimated_calls: string;
  readonly buckets: readonly BucketLine[];
  /** What mark-up, or a discount, adds to the buckets; exact. */
  readonly markup_nanos: string;
  /** What rounding each call up to the nano adds; exact. */
  readonly rounding_nanos: string;
  /** What the wallet could not pay, and the platform bears. */
  readonly uncollected_nanos: string;
  /** The buckets, mark-up and rounding, less what was not collected: what the wallet paid. */
  readonly charge_nanos: string;
}

/** Money that came into the wallet or left it, calls aside. */
export interface Movement {
  readonly posted_at: string;
  readonly category: string;
  /** The earlier period that this corrects; null when it is about this one. */
  readonly about_period: string | null;
  readonly reference: string;
  /** Why, in the words of whoever posted it; empty when nobody said. */
  readonly note: string;
  /** Empty for a line that stands for several postings. */
  readonly posting_id: string;
  readonly count: number;
  readonly amount_nanos: string;
}

/** What one category adds to the balance, or takes from it. */
export interface CategorySum {
  readonly category: string;
  readonly count: number;
  readonly amount_nanos: string;
}

/** A wallet's money from one place in its journal to another. `opening_nanos` and all `sums` are `closing_nanos`. */
export interface Statement {
  readonly tenant_id: string;
  readonly wallet_id: string;
  readonly currency: string;
  readonly period: { readonly start: string; readonly end: string };
  /** The postings it is made of, by their numbers in the wallet's journal. */
  readonly postings: { readonly after: string; readonly through: string };
  readonly seller: Party;
  readonly buyer: Party;
  readonly opening_nanos: string;
  readonly sums: readonly CategorySum[];
  readonly closing_nanos: string;
  readonly movements: readonly Movement[];
  readonly usage: readonly UsageLine[];
  /** What calls cost of which no record is kept any longer, or for which there was no line left. */
  readonly other_usage_nanos: string;
}

/** An issued invoice, or the preview of one. */
export interface Invoice {
  readonly invoiceId: string;
  /** Null for a preview. */
  readonly number: string | null;
  readonly issuedAt: Date | null;
  readonly statement: Statement;
}

/** The category of what calls cost. */
export const usageCategory = "usage";

/** Lines of movements that a statement has at most; more are summed up by category. */
export const maxMovementLines = 2_000;
/** Lines of usage that a statement has at most; the rest is `other_usage_nanos`. */
export const maxUsageLines = 2_000;
