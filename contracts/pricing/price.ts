import { atLeast, atMost } from "./at-most.ts";

/** Nano-units in one unit of a currency. Every amount of money is a whole number of them. */
export const nanosPerUnit = 1_000_000_000n;

/**
 * What a call uses, each counted in a bucket of its own: a token that came from a cache is `cacheRead` and not `input` as
 * well, whatever the provider's own report adds up.
 */
export const buckets = [
  "input",
  "cacheRead",
  "cacheWrite5m",
  "cacheWrite1h",
  "output",
  "reasoning",
  "audioInput",
  "audioOutput",
  "imageInput",
  "imageOutput",
  "toolCalls",
  "requests",
  "images",
  "seconds",
  "characters",
] as const;
export type Bucket = (typeof buckets)[number];

/** How much of each bucket; what is left out is nothing. */
export type Quantities = { readonly [B in Bucket]?: bigint };

/** Nano-units per million of a bucket's unit. A bucket that is left out costs as much as the one it falls back on. */
export type Rates = { readonly [B in Bucket]?: bigint };

/** Where a rate comes from when a price does not name it; a bucket without an entry is then free. */
const fallbacks: { readonly [B in Bucket]?: Bucket } = {
  cacheRead: "input",
  cacheWrite5m: "input",
  cacheWrite1h: "cacheWrite5m",
  reasoning: "output",
  audioInput: "input",
  audioOutput: "output",
  imageInput: "input",
  imageOutput: "output",
};

/** Kinds of input token, which together decide the tier. */
export const inputBuckets = ["input", "cacheRead", "cacheWrite5m", "cacheWrite1h", "audioInput", "imageInput"] as const;
export const outputBuckets = ["output", "reasoning", "audioOutput", "imageOutput"] as const;

/** How urgently a call was asked for; providers sell slower answers for less. */
export const serviceModes = ["standard", "batch", "flex", "priority"] as const;
export type ServiceMode = (typeof serviceModes)[number];

/** Rates by how urgently a call was asked for. */
export type ModeRates = { readonly [M in Exclude<ServiceMode, "standard">]?: Rates };

export interface PriceTier {
  readonly aboveInputTokens: bigint;
  readonly rates: Rates;
  /** What the modes cost in this tier. */
  readonly modes?: ModeRates;
}

/** What one version of a price says. Rates of a tier, a window, a mode, or a mode in its tier take the place of those they name, in this order. */
export interface PriceTerms {
  readonly rates: Rates;
  /** For calls with more input than this, of all kinds together; the highest that applies counts. */
  readonly tiers?: readonly PriceTier[];
  readonly modes?: ModeRates;
  /** By the minute of the day, in UTC, at which the call began: from the first up to the second, which may be past midnight. */
  readonly windows?: readonly { readonly fromMinute: number; readonly toMinute: number; readonly rates: Rates }[];
  /** Millionths added to the whole, or taken off when negative. From −1,000,000, which is free. */
  readonly markupPpm?: number;
}

/** What the terms depend on, besides the quantities. */
export interface CallTerms {
  readonly startedAtMs: number;
  readonly mode?: ServiceMode;
  /** True where it is served in that mode or not at all: its provider has taken it as nothing else. */
  readonly isModeSure?: boolean;
}

/** When a call began, and how it was served or is asked for: the usual way when undefined. */
export function callTerms(startedAtMs: number | bigint, mode: ServiceMode | undefined): CallTerms {
  return { startedAtMs: Number(startedAtMs), ...(mode && { mode }) };
}

/** Cost of a call. */
export interface Cost {
  /** The exact cost, rounded up once: no call is rounded to free. */
  readonly costNanos: bigint;
  /** What rounding added, in trillionths of a nano: from 0 to below 10^12. */
  readonly roundingTrillionths: bigint;
}

const perMillion = 1_000_000n;
const trillion = 1_000_000_000_000n;
const minutesPerDay = 1_440;
const msPerMinute = 60_000;

/** What a call costs: the exact sum of bucket times rate, with mark-up, rounded up to the nano. */
export function costOf(terms: PriceTerms, quantities: Quantities, call: CallTerms): Cost {
  const rates = ratesFor(terms, terms.tiers ? inputCount(quantities) : 0n, call);
  let sum = 0n;
  // By what there is: a call uses few of the buckets.
  for (const bucket in quantities) {
    const quantity = quantities[bucket as Bucket];
    if (quantity) sum += quantity * rateOf(rates, bucket as Bucket);
  }
  return roundUp(terms, sum);
}

/**
 * What a call can cost at most: whatever kind of token its input and output turn out to be, in whichever tier up to that
 * much input it falls, and also when the provider serves it as usual although another mode was asked for, where it may.
 */
export function boundNanos(
  terms: PriceTerms,
  most: { readonly inputTokens: bigint; readonly outputTokens: bigint; readonly fixed?: Quantities | undefined },
  call: CallTerms,
): bigint {
  const { inputTokens, outputTokens, fixed } = most;
  const { input, output, reachable } = dearestRates(terms, inputTokens, call);
  return roundUp(terms, inputTokens * input + outputTokens * output + fixedSum(fixed, reachable)).costNanos;
}

/** What is used besides text, at the highest that each unit of it may be charged at. */
function fixedSum(fixed: Quantities | undefined, reachable: ReadonlySet<Rates>): bigint {
  let sum = 0n;
  if (!fixed) return sum;
  for (const bucket of buckets) {
    const quantity = fixed[bucket];
    if (quantity) sum += quantity * dearest(reachable, [bucket]);
  }
  return sum;
}

/** The most output that `nanos` can pay for beside the input, at most `mostTokens`; negative when the input does not fit. */
export function affordableOutputTokens(
  terms: PriceTerms,
  most: {
    readonly inputTokens: bigint;
    readonly outputTokens: bigint;
    readonly choices: bigint;
    readonly fixed?: Quantities | undefined;
  },
  nanos: bigint,
  call: CallTerms,
): bigint {
  const { inputTokens, outputTokens, choices, fixed } = most;
  const factor = factorOf(terms);
  if (factor === 0n) return outputTokens;
  const { input, output, reachable } = dearestRates(terms, inputTokens, call);
  const left = (nanos * trillion) / factor - inputTokens * input - fixedSum(fixed, reachable);
  if (left < 0n) return -1n;
  const rate = choices * output;
  return rate === 0n ? outputTokens : atMost(left / rate, outputTokens);
}

/** The highest that a token of input and one of output may be charged at, whatever their kinds. */
interface DearestRates {
  readonly input: bigint;
  readonly output: bigint;
  readonly reachable: ReadonlySet<Rates>;
}

/** Of prices with one set of rates, which are the same for every call. */
const dearestOfPlain = new WeakMap<PriceTerms, DearestRates>();

function dearestRates(terms: PriceTerms, inputTokens: bigint, call: CallTerms): DearestRates {
  const known = dearestOfPlain.get(terms);
  if (known) return known;
  const reachable = reachableRates(terms, inputTokens, call);
  const found = { input: dearest(reachable, inputBuckets), output: dearest(reachable, outputBuckets), reachable };
  if (isPlain(terms)) dearestOfPlain.set(terms, found);
  return found;
}

/** True for a price of one set of rates. */
function isPlain({ tiers, modes, windows }: PriceTerms): boolean {
  return !tiers && !modes && !windows;
}

/** The rates at which a call may be charged that has at most so much input: once each, for most prices have but one set. */
function reachableRates(terms: PriceTerms, inputTokens: bigint, call: CallTerms): ReadonlySet<Rates> {
  const reachable = new Set<Rates>();
  for (const input of tierStarts(terms, inputTokens)) {
    reachable.add(ratesFor(terms, input, call));
    if (!call.isModeSure) reachable.add(ratesFor(terms, input, { startedAtMs: call.startedAtMs }));
  }
  return reachable;
}

/** The highest of the rates of some buckets. */
function dearest(reachable: ReadonlySet<Rates>, among: readonly Bucket[]): bigint {
  let most = 0n;
  for (const rates of reachable) for (const bucket of among) most = atLeast(rateOf(rates, bucket), most);
  return most;
}

/** The least input in each tier. A call that turns out smaller may fall into one that is dearer in one bucket. */
function tierStarts({ tiers }: PriceTerms, mostInputTokens: bigint): readonly bigint[] {
  const starts = [0n];
  if (!tiers) return starts;
  for (const { aboveInputTokens } of tiers) {
    if (aboveInputTokens < mostInputTokens) starts.push(aboveInputTokens + 1n);
  }
  return starts;
}

/** By what a sum of rates is multiplied, in millionths. */
function factorOf({ markupPpm = 0 }: PriceTerms): bigint {
  return perMillion + BigInt(markupPpm);
}

function roundUp(terms: PriceTerms, sum: bigint): Cost {
  const exact = sum * factorOf(terms);
  const costNanos = (exact + trillion - 1n) / trillion;
  return { costNanos, roundingTrillionths: costNanos * trillion - exact };
}

/** The rates at which a call is charged whose input of all kinds is so much. Of two tiers with the same mark the first counts. */
export function ratesFor(terms: PriceTerms, inputTokens: bigint, { startedAtMs, mode }: CallTerms): Rates {
  const { rates, tiers, modes, windows } = terms;
  // As they are: a price of one set of rates is looked up for each call, and copied for none.
  if (isPlain(terms)) return rates;
  let ofTier: PriceTier | undefined;
  let aboveMost = -1n;
  if (tiers) {
    for (const tier of tiers) {
      if (inputTokens > tier.aboveInputTokens && tier.aboveInputTokens > aboveMost) {
        aboveMost = tier.aboveInputTokens;
        ofTier = tier;
      }
    }
  }
  const found = { ...rates, ...ofTier?.rates };
  const minute = Math.floor(startedAtMs / msPerMinute) % minutesPerDay;
  if (windows) for (const window of windows) if (isWithin(window, minute)) Object.assign(found, window.rates);
  if (mode && mode !== "standard") Object.assign(found, modes?.[mode], ofTier?.modes?.[mode]);
  return found;
}

function isWithin({ fromMinute, toMinute }: { fromMinute: number; toMinute: number }, minute: number): boolean {
  return fromMinute <= toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute;
}

/** The rate of a bucket, or of the one that it falls back on; 0 where there is neither. */
export function rateOf(rates: Rates, bucket: Bucket): bigint {
  for (let at: Bucket | undefined = bucket; at; at = fallbacks[at]) {
    const rate = rates[at];
    if (rate !== undefined) return rate;
  }
  return 0n;
}

/** Input of all kinds together, by which the tiers go. */
export function inputCount(quantities: Quantities): bigint {
  let tokens = 0n;
  for (const bucket of inputBuckets) tokens += quantities[bucket] ?? 0n;
  return tokens;
}
