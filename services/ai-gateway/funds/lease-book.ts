import { type Amounts, budgetUnits, eachUnit } from "@lyss/contracts/budgets/amounts.ts";
import { atLeast } from "@lyss/contracts/pricing/at-most.ts";
import type { LeasePath } from "./budget-paths.ts";
import { assess, createPurse, runsLow as isLow, type Purse, settle, take, wanted } from "./purse.ts";

/** What this node may spend by itself for calls of one path: money of the tenant, and shares of the calls' budgets. */
export interface NodeLease {
  readonly leaseId: string;
  readonly path: LeasePath;
  readonly money: Purse;
  /** Where a budget counts them. */
  tokens: Purse | undefined;
  calls: Purse | undefined;
  /** Those of which it holds a share. */
  budgetIds: readonly string[];
  /** By the monotonic clock. From then on nothing is drawn from it, since billing may free it. */
  validUntilMs: number;
  /** When the first of its budgets begins anew; it is not valid longer than that. */
  endsAtMs: number;
  lastDrawnMs: number;
  /** Changes that billing has confirmed. */
  changeNumber: number;
}

/** What a call has drawn from a lease. */
export interface Draw {
  readonly lease: NodeLease;
  /** What is out for it; from when it is settled, what it takes from the lease. */
  amounts: Amounts;
}

/** More for a lease, as billing has granted it. */
export interface Granted {
  readonly grantedNanos: bigint;
  /** Where a budget counts them. */
  readonly grantedTokens?: bigint | undefined;
  readonly grantedCalls?: bigint | undefined;
}

/** A lease that nothing is drawn from for so long is given back whole. */
const idleMs = 5_000;

export function createLease(leaseId: string, path: LeasePath): NodeLease {
  return {
    ...{ leaseId, path, money: createPurse(), tokens: undefined, calls: undefined, budgetIds: [] },
    ...{ validUntilMs: 0, endsAtMs: Number.POSITIVE_INFINITY, lastDrawnMs: 0, changeNumber: 0 },
  };
}

/** Takes what a call needs; undefined, with nothing taken, when there is not enough of a unit or the lease is over. */
export function draw(lease: NodeLease, need: Amounts, nowMs: number): Draw | undefined {
  const { money, tokens, calls } = lease;
  if (money.free < need.money || nowMs >= lease.validUntilMs) return undefined;
  if ((tokens && tokens.free < need.tokens) || (calls && calls.free < need.calls)) return undefined;
  take(money, need.money);
  if (tokens) take(tokens, need.tokens);
  if (calls) take(calls, need.calls);
  lease.lastDrawnMs = nowMs;
  return { lease, amounts: need };
}

/** A call ended: what it took stays out until it is posted, and the rest is free again. */
export function settleDraw(drawn: Draw, spent: Amounts): void {
  const { lease, amounts } = drawn;
  drawn.amounts = eachUnit((unit) => {
    const purse = lease[unit];
    return purse ? settle(purse, amounts[unit], spent[unit]) : amounts[unit];
  });
}

/** Billing has charged what was settled. */
export function notePosted({ lease, amounts }: Draw): void {
  lease.money.out -= amounts.money;
  if (lease.tokens) lease.tokens.out -= amounts.tokens;
  if (lease.calls) lease.calls.out -= amounts.calls;
}

/** Billing has granted more. */
export function addGranted(lease: NodeLease, { grantedNanos, grantedTokens, grantedCalls }: Granted): void {
  if (grantedTokens !== undefined) lease.tokens ??= createPurse();
  if (grantedCalls !== undefined) lease.calls ??= createPurse();
  lease.money.free += grantedNanos;
  if (lease.tokens) lease.tokens.free += grantedTokens ?? 0n;
  if (lease.calls) lease.calls.free += grantedCalls ?? 0n;
}

/** Some of what is free is about to go back to billing. */
export function giveBack(lease: NodeLease, amounts: Amounts): void {
  lease.money.free -= amounts.money;
  if (lease.tokens) lease.tokens.free -= amounts.tokens;
  if (lease.calls) lease.calls.free -= amounts.calls;
}

/** What is promised to no call. */
export function freeOf(lease: NodeLease): Amounts {
  return ofEach(lease, ({ free }) => free);
}

/** True when billing holds nothing for it. */
export function isEmpty(lease: NodeLease): boolean {
  return budgetUnits.every((unit) => {
    const purse = lease[unit];
    return !purse || purse.free + purse.out === 0n;
  });
}

/** True when of each unit there is as much free. */
export function covers(lease: NodeLease, needed: Amounts): boolean {
  return budgetUnits.every((unit) => (lease[unit]?.free ?? needed[unit]) >= needed[unit]);
}

/** What to ask for when calls need so much that is not free. Of what it is not known yet whether a budget counts it, too. */
export function wantedBy(lease: NodeLease, needed: Amounts): Amounts {
  const unknown = createPurse();
  return eachUnit((unit) => wanted(lease[unit] ?? unknown, needed[unit]));
}

/** What is missing of what the smallest call needs. */
export function missingOf(lease: NodeLease, least: Amounts): Amounts {
  return eachUnit((unit) => atLeast(least[unit] - (lease[unit]?.free ?? 0n), 0n));
}

/** True when the next calls would have to wait for a refill. */
export function runsLow({ money, tokens, calls }: NodeLease): boolean {
  return isLow(money) || (tokens !== undefined && isLow(tokens)) || (calls !== undefined && isLow(calls));
}

/** Looks once a period at what a lease is used for. Gives what can go back: all when it is idle, else what is far beyond the target. */
export function assessLease(lease: NodeLease, periodMs: number, nowMs: number): Amounts {
  const beyond = ofEach(lease, (purse) => assess(purse, periodMs));
  return nowMs - lease.lastDrawnMs >= idleMs ? freeOf(lease) : beyond;
}

function ofEach(lease: NodeLease, amountOf: (purse: Purse) => bigint): Amounts {
  return eachUnit((unit) => {
    const purse = lease[unit];
    return purse ? amountOf(purse) : 0n;
  });
}
