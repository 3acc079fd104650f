import type { Client } from "@connectrpc/connect";
import {
  type BillingService,
  CallError,
  CallOutcome,
  type UsageFact,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { beginFact, endFact } from "./call-fact.ts";

/**
 * Calls that go on by themselves, whose money is set aside at once, in a lease of their own: it lives as long as they may take, whichever node ends
 * them: a batch, or a video.
 */
export interface FundedBatch {
  /** Names its lease, too. */
  readonly batchId: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly tags: TagsText;
  readonly provider: string;
  readonly model: string;
  readonly priceId: string;
  readonly serviceMode: "batch" | "standard";
  /** When it began: what its calls are charged by. */
  readonly startedAtMs: number;
}

export interface BatchMost {
  readonly nanos: bigint;
  readonly tokens: bigint;
  readonly calls: bigint;
}

/** How one of its calls ended. */
export interface BatchedCall {
  /** From 0, in the batch's order: the same call is charged once, however often it is told. */
  readonly index: number;
  readonly outcome: "completed" | "failed";
  readonly tokens: TokenCounts;
  readonly isEstimated: boolean;
}

/** Pays for batches. A repeat of each is safe, on any node. */
export interface BatchFunds {
  /** Throws billing's failures where it does not fit; then nothing is set aside. */
  reserve(batch: FundedBatch, most: BatchMost): Promise<void>;
  /** Charges calls, at most 5,000 at a time. */
  charge(batch: FundedBatch, calls: readonly BatchedCall[], latencyMs: number): Promise<void>;
  /** Gives back what is left. */
  close(batchId: string): Promise<void>;
}

/** Under which leases of batches are known: they are no single node's. */
const nodeId = "batches";
/** A batch is given a day; its answers may wait for this platform for as long again. */
const lifetimeMs = 2n * 86_400_000n;
const outcomes = { completed: CallOutcome.COMPLETED, failed: CallOutcome.FAILED } as const;

export function createBatchFunds(billing: Client<typeof BillingService>): BatchFunds {
  return {
    async reserve({ batchId, tenantId, keyId, userId }, { nanos, tokens, calls }) {
      await billing.grantLease({
        ...{ leaseId: batchId, nodeId, tenantId, keyId, userId, changeNumber: 1, isWhole: true, lifetimeMs },
        ...{ wantNanos: nanos, leastNanos: nanos, wantTokens: tokens, leastTokens: tokens },
        ...{ wantCalls: calls, leastCalls: calls },
      });
    },
    async charge(batch, calls, latencyMs) {
      if (calls.length === 0) return;
      await billing.postFacts({ nodeId, facts: calls.map((call) => toFact(batch, call, latencyMs)) });
    },
    async close(batchId) {
      await billing.closeLeases({ nodeId, leaseIds: [batchId] });
    },
  };
}

/** What one of a batch's calls is called, in usage and receipts. */
export function batchedCallId(batchId: string, index: number): string {
  return `call_${batchId.slice(batchId.indexOf("_") + 1)}_${index}`;
}

function toFact(
  batch: FundedBatch,
  { index, outcome, tokens, isEstimated }: BatchedCall,
  latencyMs: number,
): UsageFact {
  const fact = beginFact(
    {
      ...batch,
      callId: batchedCallId(batch.batchId, index),
      inputTokens: 0n,
      maxOutputTokens: 0n,
      minOutputTokens: 0n,
      choices: 1,
    },
    { priceId: batch.priceId, leaseId: batch.batchId, startedAtMs: BigInt(batch.startedAtMs) },
  );
  const error = outcome === "failed" ? CallError.PROVIDER_FAILED : undefined;
  endFact(fact, { outcome: outcomes[outcome], tokens, serviceMode: batch.serviceMode, isEstimated, latencyMs, error });
  return fact;
}
