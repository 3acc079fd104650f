import type { Difference, DifferenceState } from "./report.ts";

/** A provider's report beside our ledger, as it was when it was compared. */
export interface Reconciliation {
  readonly reconciliationId: string;
  readonly provider: string;
  readonly currency: string;
  /** `drift` where a day and model is; else `unknown` where one is; `matched` where all are. */
  readonly state: DifferenceState;
  readonly fromDay: string;
  readonly toDay: string;
  readonly toleranceNanos: bigint;
  readonly tolerancePpm: number;
  readonly lines: number;
  readonly reportedNanos: bigint;
  readonly recordedNanos: bigint;
  /** What is beyond the tolerance, either way, summed up. */
  readonly driftNanos: bigint;
  readonly correctedAttempts: number;
  /** To and from customers whose calls had been charged by an estimate. */
  readonly refundedNanos: bigint;
  readonly chargedNanos: bigint;
  readonly differences: readonly Difference[];
  readonly createdAt: Date;
}
