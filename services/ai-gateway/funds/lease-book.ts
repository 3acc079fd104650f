import { atLeast, atMost } from "@lyss/contracts/pricing/at-most.ts";

/** Money of one tenant that this node may spend by itself. */
export interface NodeLease {
  readonly leaseId: string;
  readonly tenantId: string;
  /** Set aside by billing and promised to no call. */
  freeNanos: bigint;
  /** Promised to calls under way, or spent and not yet posted. With what is free, what billing holds for this lease. */
  outNanos: bigint;
  /** By the monotonic clock. From then on nothing is drawn from it, since billing may free it. */
  validUntilMs: number;
  /** The most that was out at a time, of late. */
  peakOutNanos: bigint;
  /** What calls cost since the last look. */
  costNanos: bigint;
  /** Cost per second, averaged over a few looks. */
  rateNanos: bigint;
  lastDrawnMs: number;
  /** Changes that billing has confirmed. */
  changeNumber: number;
}

/** What a call has drawn from a lease. */
export interface Draw {
  readonly lease: NodeLease;
  /** What is out for it; from when it is settled, what it costs the lease. */
  amountNanos: bigint;
}

/** How many seconds of spending a lease is to last for, beside what is promised at a time. */
const horizonSeconds = 3n;
/** A lease that nothing is drawn from for so long is given back whole. */
const idleMs = 5_000;

export function createLease(leaseId: string, tenantId: string): NodeLease {
  return {
    ...{ leaseId, tenantId, freeNanos: 0n, outNanos: 0n, validUntilMs: 0, peakOutNanos: 0n, costNanos: 0n },
    ...{ rateNanos: 0n, lastDrawnMs: 0, changeNumber: 0 },
  };
}

/** Takes money for a call; undefined, with nothing taken, when there is not enough or the lease is over. */
export function draw(lease: NodeLease, amountNanos: bigint, nowMs: number): Draw | undefined {
  if (lease.freeNanos < amountNanos || nowMs >= lease.validUntilMs) return undefined;
  lease.freeNanos -= amountNanos;
  lease.outNanos += amountNanos;
  lease.lastDrawnMs = nowMs;
  lease.peakOutNanos = atLeast(lease.outNanos, lease.peakOutNanos);
  return { lease, amountNanos };
}

/**
 * A call ended: what it cost stays out until it is posted, and the rest is free again. What it cost beyond what it drew comes
 * out of what is free, as billing will take it from the lease.
 */
export function settleDraw(drawn: Draw, costNanos: bigint): void {
  const { lease, amountNanos } = drawn;
  const mostNanos = amountNanos + lease.freeNanos;
  const paidNanos = atMost(costNanos, mostNanos);
  lease.freeNanos = mostNanos - paidNanos;
  lease.outNanos += paidNanos - amountNanos;
  lease.costNanos += paidNanos;
  drawn.amountNanos = paidNanos;
}

/** Billing has charged what was settled. */
export function notePosted({ lease, amountNanos }: Draw): void {
  lease.outNanos -= amountNanos;
}

/** What the lease should be able to promise: half more than the peak, and some seconds of spending. */
export function targetNanos(lease: NodeLease): bigint {
  return lease.peakOutNanos + lease.peakOutNanos / 2n + lease.rateNanos * horizonSeconds;
}

/** What to ask for when calls need `neededNanos` that are not free: at least half more than they need. */
export function wantNanos(lease: NodeLease, neededNanos: bigint): bigint {
  const missing = targetNanos(lease) - lease.freeNanos - lease.outNanos;
  return atLeast(missing, neededNanos + neededNanos / 2n);
}

/** True when the next calls would have to wait for a refill. */
export function runsLow(lease: NodeLease): boolean {
  return lease.freeNanos < targetNanos(lease) / 4n;
}

/** Looks once a period at what a lease is used for. Gives what can go back: all when it is idle, else what is far beyond the target. */
export function assessLease(lease: NodeLease, periodMs: number, nowMs: number): bigint {
  const rate = (lease.costNanos * 1_000n) / BigInt(Math.max(1, Math.round(periodMs)));
  lease.rateNanos = (lease.rateNanos * 3n + rate) / 4n;
  lease.costNanos = 0n;
  lease.peakOutNanos = atLeast((lease.peakOutNanos * 3n) / 4n, lease.outNanos);
  if (nowMs - lease.lastDrawnMs >= idleMs) return lease.freeNanos;
  const beyond = lease.freeNanos + lease.outNanos - 2n * targetNanos(lease);
  return atLeast(atMost(beyond, lease.freeNanos), 0n);
}
