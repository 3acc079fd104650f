import type { Client } from "@connectrpc/connect";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { BillingService, CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Logger } from "pino";

/** How a call ended and what it used. */
export interface Settlement {
  readonly callId: string;
  readonly tenantId: string;
  readonly outcome: CallOutcome;
  readonly tokens: { readonly inputTokens: bigint; readonly cachedInputTokens: bigint; readonly outputTokens: bigint };
  readonly isEstimated: boolean;
  readonly latencyMs: bigint;
}

/** Reports ended calls to billing until billing has them. */
export interface Settler {
  /**
   * Resolves when the charge is committed, or after `timeoutMs` when billing does not answer: the caller's answer is not
   * held back for longer, and the settlement is repeated until billing has it. Gives the cost when it is committed. Never
   * rejects.
   */
  settle(settlement: Settlement): Promise<bigint | undefined>;
  /** Repeats what billing has not confirmed. */
  retryPending(): Promise<void>;
  listPendingIds(): string[];
}

const timeoutMs = 5_000;
const maxRetriedAtOnce = 500;

export function createSettler(billing: Client<typeof BillingService>, log: Logger): Settler {
  const pending = new Map<string, Settlement>();

  async function report(settlement: Settlement): Promise<bigint | undefined> {
    try {
      const { costNanos } = await billing.settleCall(settlement, { timeoutMs });
      pending.delete(settlement.callId);
      return costNanos;
    } catch (err) {
      if (isFailure(err, billingFailures.hold_not_found)) {
        pending.delete(settlement.callId);
        log.error({ call_id: settlement.callId }, "billing knows nothing of a call that ended");
        return undefined;
      }
      throw err;
    }
  }

  return {
    async settle(settlement) {
      pending.set(settlement.callId, settlement);
      try {
        return await report(settlement);
      } catch (err) {
        log.warn({ err, call_id: settlement.callId }, "a settlement waits for billing");
        return undefined;
      }
    },
    async retryPending() {
      const batch = [...pending.values()].slice(0, maxRetriedAtOnce);
      const results = await Promise.allSettled(batch.map(report));
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
    },
    listPendingIds: () => [...pending.keys()],
  };
}
