import type { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";

/** A call that is about to be paid for. */
export interface CallToFund {
  readonly callId: string;
  readonly requestId: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly userId: string;
  readonly provider: string;
  readonly model: string;
  /** By what its caller tells usage apart. */
  readonly tags?: TagsText;
  /** An upper bound of the input. */
  readonly inputTokens: bigint;
  /** The most that one choice may put out, and the least that makes the call worth sending. */
  readonly maxOutputTokens: bigint;
  readonly minOutputTokens: bigint;
  readonly choices: number;
  /** What the caller asks for; the provider's usual one when undefined. */
  readonly serviceMode?: ServiceMode | undefined;
}

/** How a call ended and what it used. */
export interface Spent {
  readonly outcome: CallOutcome;
  readonly tokens: TokenCounts;
  /** As the provider says that it served the call; its usual one when undefined. */
  readonly serviceMode?: ServiceMode | undefined;
  readonly isEstimated: boolean;
  readonly latencyMs: number;
}

/** Money set aside for one call: its request may leave. */
export interface Funds {
  /** What one choice may put out; less than the most when money is short. */
  readonly outputTokens: bigint;
  /**
   * Resolves when the charge cannot be lost any more: the last of the answer may leave. Gives the cost when it is known.
   * To be called once, however the call ended. Never rejects.
   */
  settle(spent: Spent): Promise<bigint | undefined>;
}
