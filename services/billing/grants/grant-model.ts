import { atLeast, atMost } from "@lyss/contracts/pricing/at-most.ts";
import { compare } from "../compare.ts";

/** Credit that ends at a time. */
export interface Grant {
  readonly grantId: string;
  readonly walletId: string;
  readonly tenantId: string;
  readonly reference: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly amountNanos: bigint;
  /** What was left of it when its wallet had spent `spentMarkNanos`. */
  readonly leftNanos: bigint;
  readonly spentMarkNanos: bigint;
  /** What of it has ended unused. */
  readonly expiredNanos: bigint;
  /** How many postings that took. */
  readonly expiries: number;
  readonly expiresAt: Date;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** A wallet as its grants need to know it. */
export interface GrantMoney {
  readonly balanceNanos: bigint;
  readonly heldNanos: bigint;
  /** What its calls have ever cost. */
  readonly spentNanos: bigint;
}

/** Spent first is what ends first. */
function inSpendingOrder(a: Grant, b: Grant): number {
  return a.expiresAt.getTime() - b.expiresAt.getTime() || compare(a.grantId, b.grantId);
}

/**
 * A wallet's open grants as they are when it has spent what `money` says: what was spent since their mark comes out of them,
 * the one that ends first first. What is left of them never exceeds the balance: where money went out in another way, they lose
 * what is missing in the same order. They come back in the order in which they are spent.
 */
export function settleGrants(grants: readonly Grant[], { balanceNanos, spentNanos }: GrantMoney): readonly Grant[] {
  const sorted = grants.toSorted(inSpendingOrder);
  const [first] = sorted;
  if (!first) return [];
  const spent = takeFrom(sorted, spentNanos - first.spentMarkNanos);
  const uncoveredNanos = sumLeft(spent) - atLeast(balanceNanos, 0n);
  const fitting = takeFrom(spent, atLeast(uncoveredNanos, 0n));
  return fitting.map((grant) => ({ ...grant, spentMarkNanos: spentNanos }));
}

function takeFrom(sorted: readonly Grant[], amountNanos: bigint): readonly Grant[] {
  let rest = amountNanos;
  return sorted.map((grant) => {
    const takenNanos = atMost(grant.leftNanos, rest);
    rest -= takenNanos;
    return { ...grant, leftNanos: grant.leftNanos - takenNanos };
  });
}

export function sumLeft(grants: readonly Pick<Grant, "leftNanos">[]): bigint {
  return grants.reduce((sum, { leftNanos }) => sum + leftNanos, 0n);
}

/** What ends of a grant, and the grant afterwards. */
export interface Expiry {
  readonly grant: Grant;
  readonly amountNanos: bigint;
}

/**
 * Ends those of the settled grants whose time is over. No more ends than is available: what calls hold may still be spent by
 * them, out of these grants, and what they do not need ends the next time.
 */
export function expireGrants(settled: readonly Grant[], money: GrantMoney, now: Date): readonly Expiry[] {
  let availableNanos = money.balanceNanos - money.heldNanos;
  return settled
    .filter(({ expiresAt }) => expiresAt <= now)
    .map((grant) => {
      const amountNanos = atMost(grant.leftNanos, atLeast(availableNanos, 0n));
      availableNanos -= amountNanos;
      const leftNanos = grant.leftNanos - amountNanos;
      const expiredNanos = grant.expiredNanos + amountNanos;
      const expiries = grant.expiries + (amountNanos > 0n ? 1 : 0);
      return { grant: { ...grant, leftNanos, expiredNanos, expiries }, amountNanos };
    });
}

/** A wallet's money by what becomes of it: granted credit, which ends, and the rest, which does not. */
export function splitBalance(balanceNanos: bigint, open: readonly Grant[]) {
  const grantedNanos = sumLeft(open);
  return { grantedNanos, lastingNanos: balanceNanos - grantedNanos };
}
