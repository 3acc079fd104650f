import { atLeast, atMost } from "@lyss/contracts/pricing/at-most.ts";

/** What of one unit, money, tokens or calls, a lease lets this node spend by itself. */
export interface Purse {
  /** Set aside by billing and promised to no call. */
  free: bigint;
  /** Promised to calls under way, or spent and not yet posted. With what is free, what billing holds for the lease. */
  out: bigint;
  /** The most that was out at a time, of late. */
  peakOut: bigint;
  /** What calls took since the last look. */
  spent: bigint;
  /** Spent per second, averaged over a few looks. */
  rate: bigint;
}

/** How many seconds of spending a purse is to last for, beside what is promised at a time. */
const horizonSeconds = 3n;

export function createPurse(): Purse {
  return { free: 0n, out: 0n, peakOut: 0n, spent: 0n, rate: 0n };
}

/** Promises a call an amount that is free. */
export function take(purse: Purse, amount: bigint): void {
  purse.free -= amount;
  purse.out += amount;
  purse.peakOut = atLeast(purse.out, purse.peakOut);
}

/**
 * A call ended: what it took stays out until it is posted, and the rest of what it was promised is free again. What it took
 * beyond that comes out of what is free, as billing will take it from the lease. Gives what stays out.
 */
export function settle(purse: Purse, promised: bigint, taken: bigint): bigint {
  const most = promised + purse.free;
  const kept = atMost(taken, most);
  purse.free = most - kept;
  purse.out += kept - promised;
  purse.spent += kept;
  return kept;
}

/** What should be there to promise: half more than the peak, and some seconds of spending. */
export function target({ peakOut, rate }: Purse): bigint {
  return peakOut + peakOut / 2n + rate * horizonSeconds;
}

/** What to ask for when calls need so much that is not free: at least half more than they need. */
export function wanted(purse: Purse, needed: bigint): bigint {
  const missing = target(purse) - purse.free - purse.out;
  return atLeast(missing, needed + (needed + 1n) / 2n);
}

/** True when the next calls would have to wait for more. */
export function runsLow(purse: Purse): boolean {
  return purse.free < target(purse) / 4n;
}

/** Looks once a period at what a purse is used for. Gives what can go back: what is far beyond the target. */
export function assess(purse: Purse, periodMs: number): bigint {
  const rate = (purse.spent * 1_000n) / BigInt(Math.max(1, Math.round(periodMs)));
  purse.rate = (purse.rate * 3n + rate) / 4n;
  purse.spent = 0n;
  purse.peakOut = atLeast((purse.peakOut * 3n) / 4n, purse.out);
  const beyond = purse.free + purse.out - 2n * target(purse);
  return atLeast(atMost(beyond, purse.free), 0n);
}
