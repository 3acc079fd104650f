import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "../deps.ts";
import type { Fact } from "../fact.ts";
import { postFacts as postLeased } from "../post-facts.ts";

export interface PostedFacts {
  readonly uncollectedNanos: bigint;
  readonly repeated: number;
}

/**
 * Charges attempts that have ended, each once however often it is posted. Those drawn from leases are posted together;
 * one with a hold of its own ends that hold.
 */
export async function postFacts(deps: BillingDeps, { facts }: { facts: readonly Fact[] }): Promise<PostedFacts> {
  const leased = facts.filter(({ leaseId }) => leaseId !== "");
  // A hold whose call was lost ends by itself.
  const held = facts.filter(({ leaseId, outcome }) => leaseId === "" && outcome !== "lost");
  const [posted, ...settled] = await Promise.all([postLeased(deps, leased), ...held.map((fact) => settle(deps, fact))]);
  return {
    uncollectedNanos: settled.reduce((sum, nanos) => sum + nanos, posted.uncollectedNanos),
    repeated: posted.repeated,
  };
}

async function settle({ ledger, log }: BillingDeps, fact: Fact): Promise<bigint> {
  try {
    return (await ledger.settle(fact)).uncollectedNanos;
  } catch (err) {
    if (!isFailure(err, billingFailures.hold_not_found)) throw err;
    log.error({ call_id: fact.callId }, "a call ended of which neither a hold nor usage is known");
    return 0n;
  }
}
