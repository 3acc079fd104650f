import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";

/** How attempts end, as callers read it. */
export const callStatuses = ["completed", "failed", "canceled", "truncated", "lost", "cached"] as const;
export type CallStatus = (typeof callStatuses)[number];

export const statusOf: Readonly<Record<CallOutcome, CallStatus>> = {
  [CallOutcome.UNSPECIFIED]: "lost",
  [CallOutcome.COMPLETED]: "completed",
  [CallOutcome.FAILED]: "failed",
  [CallOutcome.CANCELED]: "canceled",
  [CallOutcome.TRUNCATED]: "truncated",
  [CallOutcome.LOST]: "lost",
  [CallOutcome.CACHED]: "cached",
};
