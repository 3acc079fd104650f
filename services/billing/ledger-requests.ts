import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { CallEnd, CallFacts, Outcome, PricedMode, Tokens, Want } from "./model.ts";

export interface ReserveRequest extends CallFacts, Want {
  /** Under what its price stands, where that is not the model's name; empty for that. */
  readonly priceName?: string;
  /** True when the call waits no longer: an answer to wait is a refusal. */
  readonly isLastTry?: boolean;
}

export interface SettleRequest extends Tokens, CallEnd {
  readonly callId: string;
  readonly tenantId: string;
  readonly outcome: Outcome;
  readonly isEstimated: boolean;
  readonly latencyMs: bigint;
  /** As the provider says that it served it; its usual one when undefined. */
  readonly serviceMode?: PricedMode | undefined;
  /** When the hold was taken, unless given. */
  readonly startedAtMs?: bigint;
  readonly tags?: TagsText | undefined;
  /** 1 unless given. */
  readonly attempt?: number | undefined;
}
