import {
  type Bucket,
  buckets,
  type ModeRates,
  type PriceTerms,
  type Rates,
  rateOf,
} from "@lyss/contracts/pricing/price.ts";
import { type TokenCounts, toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import type { Price } from "./price.ts";
import { maxMarkupPpm, maxTiers, maxWindows, minMarkupPpm } from "./rpc-inputs.ts";

/** Names of the buckets as REST writes them. */
export const bucketFields = {
  input: "input",
  cacheRead: "cache_read",
  cacheWrite5m: "cache_write_5m",
  cacheWrite1h: "cache_write_1h",
  output: "output",
  reasoning: "reasoning",
  audioInput: "audio_input",
  audioOutput: "audio_output",
  imageInput: "image_input",
  imageOutput: "image_output",
  toolCalls: "tool_calls",
  requests: "requests",
  images: "images",
  seconds: "seconds",
  characters: "characters",
} as const;
type BucketField = (typeof bucketFields)[keyof typeof bucketFields];
const fieldNames = Object.values(bucketFields) as [BucketField, ...BucketField[]];

/** What a call used, bucket by bucket. */
export const bucketCounts = z
  .partialRecord(z.enum(fieldNames), z.number())
  .describe(
    "What was used, each thing in one bucket only: cached input is not part of input. Empty ones are left out.",
  );

export function toBucketCounts(counts: TokenCounts): z.input<typeof bucketCounts> {
  const quantities = toQuantities(counts);
  return Object.fromEntries(
    buckets.flatMap((bucket) => (quantities[bucket] ? [[bucketFields[bucket], Number(quantities[bucket])]] : [])),
  );
}

const ratesBody = z
  .partialRecord(z.enum(fieldNames), z.string())
  .describe(
    "Nano-units of the currency per million of each bucket. One that is left out costs as much as input or output, of which it is a kind; others are free.",
  );

function toRatesBody(rates: Rates): z.input<typeof ratesBody> {
  return Object.fromEntries(
    buckets.flatMap((bucket) => (rates[bucket] === undefined ? [] : [[bucketFields[bucket], String(rates[bucket])]])),
  );
}

const modesBody = z
  .partialRecord(z.enum(["batch", "flex", "priority"]), ratesBody)
  .describe("Rates for calls that the provider serves in another mode than its usual one.");

/** The terms of a price. */
export const termsBody = z.strictObject({
  rates: ratesBody,
  tiers: z
    .array(z.strictObject({ above_input_tokens: z.string(), rates: ratesBody, modes: modesBody }))
    .describe("Rates for calls with more input, of all kinds together, than this; the highest that applies counts."),
  modes: modesBody,
  windows: z
    .array(z.strictObject({ from_minute: z.number(), to_minute: z.number(), rates: ratesBody }))
    .describe("Rates for calls that begin between two minutes of the day (UTC); the second may lie past midnight."),
  markup_ppm: z.number().describe("Millionths added to the whole, or taken off when negative."),
});

export function toTermsBody({
  rates,
  tiers = [],
  modes = {},
  windows = [],
  markupPpm = 0,
}: PriceTerms): z.input<typeof termsBody> {
  return {
    rates: toRatesBody(rates),
    tiers: tiers.map((tier) => ({
      above_input_tokens: tier.aboveInputTokens.toString(),
      rates: toRatesBody(tier.rates),
      modes: toModesBody(tier.modes),
    })),
    modes: toModesBody(modes),
    windows: windows.map((window) => ({
      ...{ from_minute: window.fromMinute, to_minute: window.toMinute, rates: toRatesBody(window.rates) },
    })),
    markup_ppm: markupPpm,
  };
}

function toModesBody(modes: ModeRates = {}): z.input<typeof modesBody> {
  return Object.fromEntries(Object.entries(modes).map(([mode, ofMode]) => [mode, toRatesBody(ofMode)]));
}

const digits = z
  .string()
  .regex(
    /^\d{1,18}$/,
    inBothLanguages("must be a whole number of up to 18 digits, as text", "必须是最多 18 位数字的整数（文本）"),
  );
const ratesInputBody = z
  .partialRecord(z.enum(fieldNames), digits)
  .refine(
    (rates) => Object.keys(rates).length > 0,
    inBothLanguages("must name the rate of at least one bucket", "必须至少给出一个计费项的费率"),
  )
  .transform((rates): Rates => {
    const named: { [B in Bucket]?: bigint } = {};
    for (const bucket of buckets) {
      const rate = rates[bucketFields[bucket]];
      if (rate !== undefined) named[bucket] = BigInt(rate);
    }
    return named;
  });
const modesInputBody = z.partialRecord(z.enum(["batch", "flex", "priority"]), ratesInputBody).default({});
const minute = z.int().min(0).max(1_440);

/** Terms as an operator writes them: those that `termsBody` shows, of which all but the rates may be left out. */
export const termsInputBody = z
  .strictObject({
    rates: ratesInputBody,
    tiers: z
      .array(z.strictObject({ above_input_tokens: digits, rates: ratesInputBody, modes: modesInputBody }))
      .max(maxTiers)
      .default([]),
    modes: modesInputBody,
    windows: z
      .array(z.strictObject({ from_minute: minute, to_minute: minute, rates: ratesInputBody }))
      .max(maxWindows)
      .default([]),
    markup_ppm: z.int().min(minMarkupPpm).max(maxMarkupPpm).default(0),
  })
  .transform(
    ({ rates, tiers, modes, windows, markup_ppm: markupPpm }): PriceTerms => ({
      rates,
      ...(tiers.length > 0 && {
        tiers: tiers.map((tier) => ({
          ...{ aboveInputTokens: BigInt(tier.above_input_tokens), rates: tier.rates },
          ...(Object.keys(tier.modes).length > 0 && { modes: tier.modes }),
        })),
      }),
      ...(Object.keys(modes).length > 0 && { modes }),
      ...(windows.length > 0 && {
        windows: windows.map((it) => ({ fromMinute: it.from_minute, toMinute: it.to_minute, rates: it.rates })),
      }),
      ...(markupPpm !== 0 && { markupPpm }),
    }),
  );

/** A version of a price. */
export const priceBody = z.strictObject({
  id: z.string().describe("Names this version, and after a '+' that of the plan whose mark-up is in it."),
  provider: z.string(),
  model: z.string(),
  version: z.number(),
  currency: z.string(),
  input_nanos_per_million: z.string().describe("The usual rate, as in terms.rates."),
  cached_input_nanos_per_million: z.string(),
  output_nanos_per_million: z.string(),
  terms: termsBody,
  effective_at: z.iso
    .datetime()
    .describe("Calls are charged with it from then on, until a later version is in effect."),
  created_at: z.string(),
});

export function toPriceBody(price: Price): z.input<typeof priceBody> {
  const { rates } = price.terms;
  return {
    ...{ id: price.priceId, provider: price.provider, model: price.model, version: price.version },
    currency: price.currency,
    input_nanos_per_million: rateOf(rates, "input").toString(),
    cached_input_nanos_per_million: rateOf(rates, "cacheRead").toString(),
    output_nanos_per_million: rateOf(rates, "output").toString(),
    terms: toTermsBody(price.terms),
    effective_at: price.effectiveAt.toISOString(),
    created_at: price.createdAt.toISOString(),
  };
}
