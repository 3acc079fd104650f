import { refuseField } from "../call/refuse-field.ts";
import type { DataPolicy, Target } from "../model.ts";
import type { Preferences } from "./preferences.ts";

/** What is known of a target beside its name. */
export interface PreferredBy {
  /** Nanos per million tokens; undefined while its price is not known. */
  ratesOf(target: Target): { readonly input: number; readonly output: number } | undefined;
  /** Milliseconds; 0 while it is not known. */
  firstByteMsOf(target: Target): number;
  /** 0 while it is not known. */
  tokensPerSecondOf(target: Target): number;
}

const nanosPerUsd = 1e9;

/**
 * The targets that a caller wants, in the order in which they are to be tried: what is wanted first comes first, and otherwise they
 * stay as they were. Throws `invalid_request` where none is left.
 */
export function preferTargets(targets: readonly Target[], wanted: Preferences, by: PreferredBy): readonly Target[] {
  const { order, only, ignore, allowsFallbacks, sort, maxPrice } = wanted;
  const keeping = keptFrom(wanted);
  const { quantizations, regions } = wanted;
  const isWanted = (target: Target) => {
    const { name } = target.provider;
    if (ignore.includes(name) || (only && !only.includes(name))) return false;
    if (keeping.includes(target.provider.dataPolicy ?? "unknown")) return false;
    if (quantizations && !quantizations.includes(target.model.quantization ?? "unknown")) return false;
    if (regions && !regions.some((one) => isIn(one, target.provider.region))) return false;
    return !maxPrice || isWithin(maxPrice, by.ratesOf(target));
  };
  const left = targets.filter(isWanted);
  if (sort === "price") left.sort((a, b) => priceOf(by, a) - priceOf(by, b));
  if (sort === "latency") left.sort((a, b) => by.firstByteMsOf(a) - by.firstByteMsOf(b));
  if (sort === "throughput") left.sort((a, b) => slownessOf(by, a) - slownessOf(by, b));
  const ordered = order.flatMap((name) => left.filter(({ provider }) => provider.name === name));
  const others = left.filter((target) => !ordered.includes(target));
  const kept = allowsFallbacks ? [...ordered, ...others] : order.length > 0 ? ordered : left.slice(0, 1);
  if (kept.length > 0) return kept;
  throw refuseField(
    "provider",
    "leaves no provider of this model; GET /api/v1/ai/providers lists them",
    "未留下此模型的任何供应商；供应商列表见 GET /api/v1/ai/providers",
  );
}

/** What a provider must not do with prompts. */
function keptFrom({ refusesCollection, wantsZeroRetention }: Preferences): readonly DataPolicy[] {
  if (wantsZeroRetention) return ["unknown", "collects", "retains"];
  return refusesCollection ? ["unknown", "collects"] : [];
}

/** `eu-central-1` is in `eu`, and what is not known is nowhere. */
function isIn(allowed: string, region = ""): boolean {
  return region !== "" && (region === allowed || region.startsWith(`${allowed}-`));
}

function isWithin(max: NonNullable<Preferences["maxPrice"]>, rates: ReturnType<PreferredBy["ratesOf"]>): boolean {
  if (!rates) return false;
  const { prompt, completion } = max;
  return (
    rates.input <= (prompt ?? Number.POSITIVE_INFINITY) * nanosPerUsd &&
    rates.output <= (completion ?? Number.POSITIVE_INFINITY) * nanosPerUsd
  );
}

/** One whose throughput is not known is tried, and then known. */
function slownessOf(by: PreferredBy, target: Target): number {
  return 1 / (by.tokensPerSecondOf(target) || Number.POSITIVE_INFINITY);
}

/** Of a usual call, which reads three tokens for each that it writes. One that is not known is the dearest. */
function priceOf(by: PreferredBy, target: Target): number {
  const rates = by.ratesOf(target);
  return rates ? 3 * rates.input + rates.output : Number.MAX_VALUE;
}
