import type { ReplaySpeed } from "./replay-pace.ts";

export type OperationKind = "redrive" | "replay" | "skip" | "forget";
export type OperationState = "pending" | "running" | "paused" | "done" | "failed" | "canceled";

/** Which events an operation is about; what is left out does not restrict. */
export interface OperationScope {
  readonly eventIds?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly keys?: readonly string[] | undefined;
  /** Only events stamped at this time or later. */
  readonly fromMs?: number | undefined;
  /** Only events stamped before this time. */
  readonly beforeMs?: number | undefined;
  /** Of a replay. */
  readonly speed?: ReplaySpeed | undefined;
}

/** What an operator asked of a subscription, and how far it has come. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  /** Name of the service whose subscription it is. */
  readonly service: string;
  readonly subscription: string;
  readonly state: OperationState;
  readonly scope: OperationScope;
  readonly askedBy: string;
  readonly askedAt: Date;
  /** Number of the last event that was dealt with; it goes on after that. */
  readonly lastSeq: bigint;
  readonly untilSeq: bigint;
  /** Events that it was about when it was asked. */
  readonly total: bigint;
  readonly handled: bigint;
  readonly failed: bigint;
  /** Left alone, because an earlier one of the same key failed. */
  readonly heldBack: bigint;
  /** Failed attempts at the next event, since the last that succeeded. */
  readonly attempts: number;
  readonly lastError: string;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}
