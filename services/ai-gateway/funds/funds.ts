import type { CallError, CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import type { OtherQuantities, TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { ImageForm } from "./image-prices.ts";

/** For so much output of each choice a metered call sets money aside at a time. */
export const meteredTokens = 2_048;

/** A call that is about to be paid for. */
export interface CallToFund {
  readonly callId: string;
  /** Which of its attempts; 1, the first, unless given. */
  readonly attempt?: number | undefined;
  /** Of one that goes on with an answer that broke off: the attempt that began it. */
  readonly continuesAttempt?: number | undefined;
  readonly requestId: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly userId: string;
  readonly provider: string;
  readonly model: string;
  /** By what its caller tells usage apart. */
  readonly tags?: TagsText;
  /** True when its answer is asked for as a stream. */
  readonly isStreamed?: boolean | undefined;
  /** An upper bound of the input. */
  readonly inputTokens: bigint;
  /** The most that one choice may put out, and the least that makes the call worth sending. */
  readonly maxOutputTokens: bigint;
  readonly minOutputTokens: bigint;
  readonly choices: number;
  /** True when its output is counted as it leaves: where money is scarce, it begins with `meteredTokens`. */
  readonly isMetered?: boolean | undefined;
  /** What the caller asks for; the provider's usual one when undefined. */
  readonly serviceMode?: ServiceMode | undefined;
  /** The most that it may use of what is no text. */
  readonly fixed?: OtherQuantities | undefined;
  /** Of images: what they are to be like, and under what their price may stand before the model's own. */
  readonly images?: (ImageForm & { readonly priceNames: readonly string[] }) | undefined;
}

/** How a call ended and what it used. */
export interface Spent {
  readonly outcome: CallOutcome;
  readonly tokens: TokenCounts;
  /** As the provider says that it served the call; its usual one when undefined. */
  readonly serviceMode?: ServiceMode | undefined;
  readonly isEstimated: boolean;
  /** What the provider may have counted all the same where nothing is charged; undefined where it is known that it did not. */
  readonly mayHaveUsed?: TokenCounts | undefined;
  readonly latencyMs: number;
  /** Until the first of its streamed answer left; undefined where nothing did. */
  readonly firstTokenMs?: number | undefined;
  /** What went wrong; nothing when undefined. */
  readonly error?: CallError | undefined;
}

/** Money drawn for a call of which nothing is written down yet. Exactly one of the two is to be called, once. */
export interface Drawn {
  /**
   * Writes the attempt down. The promise resolves when it is on disk: then its request may leave. Rejects with `cannot_record`,
   * and what was drawn is back.
   */
  begin(): Promise<Funds>;
  /** Gives back what was drawn. */
  cancel(): void;
}

/**
 * Draws the most that a call may take out of a lease: at once where all is at hand. Gives undefined for one that has to be reserved
 * by itself, or has no price. Rejects when billing cannot be asked.
 */
export type DrawForCall = (call: CallToFund) => Drawn | undefined | Promise<Drawn | undefined>;

/** Money set aside for one call: its request may leave. */
export interface Funds {
  /** What one choice may put out; less than the most when money is short. */
  readonly outputTokens: bigint;
  /**
   * Sets more aside for the output of a metered call, and gives what one choice may put out from then on; undefined when that is
   * the most, and no more is to be asked for. Rejects with billing's failure when nothing more can be had, and
   * `kit.unavailable`. Not there when the most is set aside from the start.
   */
  readonly raise?: (() => Promise<bigint | undefined>) | undefined;
  /**
   * Money for the next attempt of the call, at another target: what this one has set aside goes back first, or moves on with its hold.
   * From then on nobody is charged for this one, and `settle` records it as such. Rejects as `fund` does: then it was the last.
   */
  goOn(next: CallToFund): Promise<Funds>;
  /**
   * Money for an attempt of the call beside this one, from a lease: of two that run at once one is settled in the end and the other
   * forgone; of an answer that goes on elsewhere both are settled. Rejects with `kit.unavailable` where it is not at hand. Not there for a call with a hold of its own.
   */
  readonly beside?: ((next: CallToFund) => Promise<Funds>) | undefined;
  /** Gives back what is set aside: another attempt is the call's. Nobody is charged for this one, and `settle` records it as such. */
  forgo(): void;
  /**
   * Resolves when the charge cannot be lost any more: the last of the answer may leave. Gives the cost when it is known.
   * To be called once, however the call ended. Never rejects.
   */
  settle(spent: Spent): Promise<bigint | undefined>;
}
