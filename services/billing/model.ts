import { atLeast, atMost } from "@lyss/contracts/pricing/at-most.ts";
import {
  affordableOutputTokens as affordable,
  boundNanos as bound,
  type CallTerms,
  callTerms,
  costOf,
  nanosPerUnit,
  type PriceTerms,
  type ServiceMode,
} from "@lyss/contracts/pricing/price.ts";
import {
  type OtherQuantities,
  type TokenCounts,
  type TokenRates,
  toQuantities,
} from "@lyss/contracts/pricing/token-price.ts";
import type { CallErrorName } from "@lyss/contracts/usage/call-errors.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { formatDecimal } from "./decimal.ts";

export { atMost, nanosPerUnit };
export type Rates = TokenRates;
export type Tokens = TokenCounts;

export const noTokens: Tokens = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

/** How a call ended, as its usage row says it. */
export type Outcome = "completed" | "failed" | "canceled" | "truncated" | "lost" | "cached";

export interface Wallet {
  readonly walletId: string;
  readonly tenantId: string;
  readonly currency: string;
  readonly balanceNanos: bigint;
  /** Set aside by open holds; never more than the balance. */
  readonly heldNanos: bigint;
}

/** Who made a call, of what. */
export interface CallFacts {
  readonly callId: string;
  readonly requestId: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly userId: string;
  readonly provider: string;
  readonly model: string;
}

/** The bounds within which a call may be admitted. */
export interface Want {
  /** Upper bound of the input. */
  readonly inputTokens: bigint;
  readonly maxOutputTokens: bigint;
  readonly minOutputTokens: bigint;
  /** Answers asked for; each may be as long as the output limit. */
  readonly choices: bigint;
  /** What the caller asks for; the usual one when undefined. */
  readonly serviceMode?: PricedMode | undefined;
  /** The most that it may use of what is no text. */
  readonly fixed?: OtherQuantities | undefined;
}

/** A mode that may have a price of its own. */
export type PricedMode = Exclude<ServiceMode, "standard">;

export interface Hold extends CallFacts {
  readonly walletId: string;
  /** The price at which the call will be charged. */
  readonly priceId: string;
  readonly amountNanos: bigint;
  readonly outputTokens: bigint;
}

/** What is known of a call besides what it used. */
export interface CallEnd {
  /** Undefined where it is not said. */
  readonly isStreamed?: boolean | undefined;
  /** Until the first of its streamed answer left; undefined where nothing did. */
  readonly firstTokenMs?: number | undefined;
  /** What went wrong with one that failed or broke off; undefined where that is not known. */
  readonly error?: CallErrorName | undefined;
}

/** One call as it was used and charged. */
export interface Usage extends CallFacts, Tokens, CallEnd {
  readonly walletId: string;
  readonly priceId: string;
  readonly outcome: Outcome;
  readonly isEstimated: boolean;
  readonly latencyMs: bigint;
  /** When the attempt began. It never changes. With the tokens and the price it says how the cost came about. */
  readonly startedAtMs: bigint;
  /** The provider's usual one when undefined. */
  readonly serviceMode?: PricedMode | undefined;
  /** By what its caller tells usage apart. */
  readonly tags?: TagsText | undefined;
  /** What the wallet paid. */
  readonly costNanos: bigint;
  /** What the price came to beyond what the wallet could pay. */
  readonly uncollectedNanos: bigint;
  /** The posting that moved the money; empty when the call cost nothing. */
  readonly postingId: string;
  /** 1 for the first of the call, and where it is not said. */
  readonly attempt?: number | undefined;
}

/** A recorded call as lists show it. */
export interface UsageRow extends Usage {
  readonly createdAt: Date;
  readonly attempt: number;
}

/** By what usage is told apart in sums that are kept. */
export type KeptGroup = "key" | "user" | "model" | "provider" | "group";

/** A tag by which usage is told apart. */
export type TagGroup = `tag:${string}`;

export type UsageGroup = KeptGroup | TagGroup;

/** By what times, all in UTC. */
export type UsageUnit = "minute" | "hour" | "day" | "month";

/** What calls come to, and how they went. */
export interface UsageFigures extends Tokens {
  readonly calls: bigint;
  /** Those that failed or broke off. */
  readonly errors: bigint;
  readonly costNanos: bigint;
  readonly uncollectedNanos: bigint;
  /** How many took how long (usage/durations.ts): whole answers, and the first of streamed ones. Where that was asked for. */
  readonly latency?: readonly number[];
  readonly firstToken?: readonly number[];
}

/** What was used in a minute, hour, day or month by one key, user, model or provider, or several of these together. */
export interface UsageSum extends UsageFigures {
  readonly start: Date;
  /** As they were asked for, in that order. */
  readonly groups: readonly string[];
}

export function availableNanos(wallet: Wallet): bigint {
  return wallet.balanceNanos - wallet.heldNanos;
}

/** The exact sum of bucket times rate, rounded up once to the nano: no call is rounded to free. */
export function costNanos(terms: PriceTerms, tokens: Tokens, call: CallTerms): bigint {
  return costOf(terms, toQuantities(tokens), call).costNanos;
}

/** What a call within these bounds can cost at most when each choice puts out `outputTokens`. */
export function boundNanos(terms: PriceTerms, want: Want, outputTokens: bigint, startedAtMs: number): bigint {
  const { inputTokens, choices, fixed } = want;
  const most = { inputTokens, outputTokens: outputTokens * choices, fixed };
  return bound(terms, most, callTerms(startedAtMs, want.serviceMode));
}

/** The longest output per choice, up to the wanted most, that `nanos` can pay; negative when not even the input fits. */
function affordableOutputTokens(terms: PriceTerms, want: Want, nanos: bigint, startedAtMs: number): bigint {
  const { inputTokens, maxOutputTokens: outputTokens, choices, fixed } = want;
  return affordable(
    terms,
    { inputTokens, outputTokens, choices, fixed },
    nanos,
    callTerms(startedAtMs, want.serviceMode),
  );
}

export type Admission =
  | { readonly kind: "granted"; readonly amountNanos: bigint; readonly outputTokens: bigint }
  /** `wait`: the balance could pay, but calls in flight hold it. `refused`: it could not. */
  | { readonly kind: "wait" | "refused"; readonly requiredNanos: bigint };

/**
 * Decides whether a call fits a wallet.
 * - The whole bound fits: granted.
 * - Money is short and the caller left the length open: granted with a shorter answer if that is still a comfortable
 *   one, or if no other call holds money that may come back.
 * - Otherwise the call waits for held money, or is refused when waiting cannot help.
 */
export function admit(
  wallet: Wallet,
  terms: PriceTerms,
  want: Want,
  { comfortableOutputTokens, startedAtMs }: { readonly comfortableOutputTokens: bigint; readonly startedAtMs: number },
): Admission {
  const grant = (outputTokens: bigint): Admission => ({
    kind: "granted",
    amountNanos: boundNanos(terms, want, outputTokens, startedAtMs),
    outputTokens,
  });
  const now = affordableOutputTokens(terms, want, availableNanos(wallet), startedAtMs);
  if (now === want.maxOutputTokens) return grant(now);

  const least = want.minOutputTokens;
  const comfortable = atLeast(comfortableOutputTokens, least);
  if (now >= least && (now >= comfortable || wallet.heldNanos === 0n)) return grant(now);

  const isEverAffordable = affordableOutputTokens(terms, want, wallet.balanceNanos, startedAtMs) >= least;
  return { kind: isEverAffordable ? "wait" : "refused", requiredNanos: boundNanos(terms, want, least, startedAtMs) };
}

/** What of `cost` a wallet pays for a call that held `amountNanos`: never more than it has beyond other calls' holds. */
export function collectableNanos(wallet: Wallet, amountNanos: bigint, cost: bigint): bigint {
  return atMost(cost, availableNanos(wallet) + amountNanos);
}

/** `9.998` for 9_998_000_000n: exact, without trailing zeros. */
export function formatNanos(nanos: bigint): string {
  return formatDecimal(nanos, 9);
}

/** Nanos of a decimal string with at most nine decimals; undefined when it is not one. */
export function parseNanos(decimal: string): bigint | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(decimal);
  if (match?.[1] === undefined) return undefined;
  return BigInt(match[1]) * nanosPerUnit + BigInt((match[2] ?? "").padEnd(9, "0"));
}
