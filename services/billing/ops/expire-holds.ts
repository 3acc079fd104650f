import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "../deps.ts";
import { noTokens } from "../model.ts";

const maxPerRun = 1_000;

/**
 * Frees the holds whose node stopped its heart-beat: the wallet gets the money back and the call is recorded as `lost`
 * at no cost. A node that reports later is charged for then. Safe to run on several nodes at once.
 */
export async function expireHolds({ store, ledger }: BillingDeps): Promise<void> {
  const expired = await store.listExpiredHolds(maxPerRun);
  const settling = expired.map((hold) =>
    ledger.settle({ ...hold, ...noTokens, outcome: "lost", isEstimated: true, latencyMs: 0n }),
  );
  for (const result of await Promise.allSettled(settling)) {
    if (result.status === "rejected" && !isFailure(result.reason, billingFailures.hold_not_found)) throw result.reason;
  }
}
