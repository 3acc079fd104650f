import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { CallEnd, CallFacts, Outcome, PricedMode, Tokens } from "./model.ts";

/** One attempt at a provider as it ended, drawn from a lease. */
export interface Fact extends CallFacts, Tokens, CallEnd {
  readonly attempt: number;
  readonly leaseId: string;
  readonly priceId: string;
  readonly outcome: Outcome;
  readonly isEstimated: boolean;
  readonly latencyMs: bigint;
  /** When it began. The same in every repeat. */
  readonly startedAtMs: bigint;
  /** True for an attempt that the customer does not pay for, because another one of the call answered or will. */
  readonly isUncharged?: boolean;
  /** What the provider may have counted where nothing is charged; undefined where it is known that it counted nothing. */
  readonly mayHaveUsed?: Tokens | undefined;
  /** As the provider says that it served it; its usual one when undefined. */
  readonly serviceMode?: PricedMode | undefined;
  /** The attempt whose answer broke off and that this one goes on with; 0 or undefined for none. */
  readonly continuesAttempt?: number;
  /** By what its caller tells usage apart. */
  readonly tags?: TagsText | undefined;
}

/** A fact with what it came to, as a row of usage. */
export interface PostedFact extends Fact {
  readonly walletId: string;
  readonly costNanos: bigint;
  readonly uncollectedNanos: bigint;
  /** What rounding the cost up added, in trillionths of a nano. */
  readonly roundingTrillionths: bigint;
  readonly postingId: string;
}

/** Names an attempt. */
export type AttemptName = Pick<Fact, "callId" | "attempt">;

export function nameOf({ callId, attempt }: AttemptName): string {
  return `${callId}/${attempt}`;
}
