import { type Bucket, buckets, callTerms, type PriceTerms, rateOf, ratesFor } from "@lyss/contracts/pricing/price.ts";
import { compare } from "../compare.ts";
import type { Price } from "../prices/price.ts";
import { formatTrillionths, trillion } from "./exact-nanos.ts";
import type { BucketLine, UsageLine } from "./statement.ts";
import type { UsageSumRow } from "./statement-store.ts";

const perMillion = 1_000_000n;

/** A line of calls that were charged at one price, in which quantities times rates, and rounding, come to what was paid. */
export function toUsageLine(row: UsageSumRow, { version, terms }: Price): UsageLine {
  const call = callTerms(row.sampleBeganAt.getTime(), row.mode ?? undefined);
  const rates = ratesFor(terms, row.sampleInputTokens, call);
  const used = quantitiesOf(row).map(([bucket, quantity]) => ({ bucket, quantity, rate: rateOf(rates, bucket) }));
  // A rate is nanos per million, so each unit comes to that many millionths of a nano.
  const sum = used.reduce((total, { quantity, rate }) => total + quantity * rate, 0n);
  const markup = sum * BigInt(terms.markupPpm ?? 0);
  const cost = (row.paidNanos + row.uncollectedNanos) * trillion;
  return {
    provider: row.provider,
    model: row.model,
    price_id: row.priceId,
    price_version: version,
    service_mode: row.mode,
    tier_above_input_tokens: tierOf(terms, row.sampleInputTokens)?.toString() ?? null,
    about_period: row.aboutPeriod === "" ? null : row.aboutPeriod,
    calls: row.calls.toString(),
    estimated_calls: row.estimatedCalls.toString(),
    buckets: used.map(toBucketLine),
    markup_nanos: formatTrillionths(markup),
    rounding_nanos: formatTrillionths(cost - sum * perMillion - markup),
    uncollected_nanos: row.uncollectedNanos.toString(),
    charge_nanos: row.paidNanos.toString(),
  };
}

function quantitiesOf(row: UsageSumRow): readonly (readonly [Bucket, bigint])[] {
  const { inputTokens: input, cachedInputTokens: cacheRead, outputTokens: output, otherBuckets } = row;
  const counted: { readonly [B in Bucket]?: bigint | string } = { ...otherBuckets, input, cacheRead, output };
  return buckets
    .map((bucket) => [bucket, BigInt(counted[bucket] ?? 0)] as const)
    .filter(([, quantity]) => quantity > 0n);
}

function tierOf({ tiers }: PriceTerms, inputTokens: bigint): bigint | undefined {
  return tiers
    ?.map(({ aboveInputTokens }) => aboveInputTokens)
    .filter((above) => above < inputTokens)
    .sort(compare)
    .at(-1);
}

interface UsedBucket {
  readonly bucket: Bucket;
  readonly quantity: bigint;
  readonly rate: bigint;
}

function toBucketLine({ bucket, quantity, rate }: UsedBucket): BucketLine {
  return {
    bucket,
    quantity: quantity.toString(),
    nanos_per_million: rate.toString(),
    exact_nanos: formatTrillionths(quantity * rate * perMillion),
  };
}
