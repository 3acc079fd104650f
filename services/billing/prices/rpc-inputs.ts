import { ServiceMode } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { type Bucket, buckets } from "@lyss/contracts/pricing/price.ts";
import { type OtherBucket, otherBucketNames, toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { fromServiceModeMessage, fromTermsMessage, fromUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { noTokens, type PricedMode } from "../model.ts";

/** What fits into the database, and into protobuf. */
export const maxInt64 = 2n ** 63n - 1n;
const amount = z.bigint().min(0n).max(maxInt64);
const minutesPerDay = 1_440;
export const maxTiers = 16;
export const maxWindows = 24;
export const minMarkupPpm = -1_000_000;
export const maxMarkupPpm = 1_000_000_000;

function eachOf<Name extends string, Schema extends z.ZodType>(names: readonly Name[], schema: Schema) {
  return Object.fromEntries(names.map((name) => [name, schema])) as Record<Name, Schema>;
}

const otherUsage = z.object(eachOf<OtherBucket, typeof amount>(otherBucketNames, amount));
/** What is used besides text; undefined when there is none. */
export const otherUsageInput = otherUsage.transform(toOtherQuantities).optional();

/** Usage in exclusive buckets, as the message says it. */
export const usageMessageInput = z.object({
  ...{ inputTokens: amount, cachedInputTokens: amount, outputTokens: amount },
  other: otherUsage.optional(),
});
/** Nothing when it is left out. */
export const usageInput = usageMessageInput.default(noTokens).transform(fromUsageMessage);

/** The mode that was asked for or served; undefined for the provider's usual one. */
export const serviceModeInput = z.enum(ServiceMode).transform(toPricedMode);

/** Undefined for the provider's usual mode. */
export function toPricedMode(message: ServiceMode): PricedMode | undefined {
  const mode = fromServiceModeMessage(message);
  return mode === "standard" ? undefined : mode;
}

const anyRates = z.object(eachOf<Bucket, z.ZodOptional<typeof amount>>(buckets, amount.optional()));
const someRates = anyRates.refine(
  (rates) => buckets.some((bucket) => rates[bucket] !== undefined),
  inBothLanguages("must name the rate of at least one bucket", "必须至少给出一个计费项的费率"),
);
/** Millionths. */
export const markupInput = z.int().min(minMarkupPpm).max(maxMarkupPpm);
const minute = z.int().min(0).max(minutesPerDay);

/** Terms of a price. */
const modeInputs = { batch: someRates.optional(), flex: someRates.optional(), priority: someRates.optional() };
export const termsInput = z
  .object({
    rates: someRates,
    tiers: z.array(z.object({ aboveInputTokens: amount, rates: someRates, ...modeInputs })).max(maxTiers),
    ...modeInputs,
    windows: z.array(z.object({ fromMinute: minute, toMinute: minute, rates: someRates })).max(maxWindows),
    markupPpm: markupInput,
  })
  .transform(fromTermsMessage);
