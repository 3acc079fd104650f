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
 * one with a hold of its own ends that hold. Those that nobody is charged for are kept for what they cost us, or
 * may have cost us.
 */
export async function postFacts(deps: BillingDeps, { facts }: { facts: readonly Fact[] }): Promise<PostedFacts> {
  const charged = facts.filter(({ isUncharged }) => isUncharged !== true);
  const leased = charged.filter(({ leaseId }) => leaseId !== "");
  // A hold whose call was lost ends by itself.
  const held = charged.filter(({ leaseId, outcome }) => leaseId === "" && outcome !== "lost");
  const [repeated, , posted, ...settled] = await Promise.all([
    keepUncharged(deps, facts),
    keepEstimates(deps, facts),
    postLeased(deps, leased),
    ...held.map((fact) => settle(deps, fact)),
  ]);
  return {
    uncollectedNanos: settled.reduce((sum, nanos) => sum + nanos, posted.uncollectedNanos),
    repeated: posted.repeated + repeated,
  };
}

/** Attempts that cost us something and nobody else. Gives how many were known before. */
async function keepUncharged({ db, providerCosts }: BillingDeps, facts: readonly Fact[]): Promise<number> {
  const uncharged = facts.filter(({ isUncharged }) => isUncharged === true);
  if (uncharged.length === 0) return 0;
  return uncharged.length - (await db.transaction((tx) => providerCosts.insertAttempts(tx, uncharged)));
}

/** What providers may have counted of attempts that nobody pays for. Each once. */
async function keepEstimates({ db, providerCosts }: BillingDeps, facts: readonly Fact[]): Promise<void> {
  const unknown = facts.filter(({ mayHaveUsed }) => mayHaveUsed !== undefined);
  if (unknown.length > 0) await db.transaction((tx) => providerCosts.insertEstimates(tx, unknown));
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
