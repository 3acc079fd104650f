import { type Amounts, type BudgetUnit, budgetUnits, isNothing, ofMoney } from "@lyss/contracts/budgets/amounts.ts";
import { atLeast } from "@lyss/contracts/pricing/at-most.ts";

export { type Amounts, type BudgetUnit, budgetUnits, isNothing, ofMoney };

/** Whom a budget caps, from the widest to the narrowest: the order in which a call meets them. */
export const scopeKinds = ["tenant", "group", "user", "key"] as const;
export type ScopeKind = (typeof scopeKinds)[number];

export const budgetPeriods = ["minute", "hour", "day", "month", "total"] as const;
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** The calendar by which a budget starts anew. */
export interface Calendar {
  readonly period: BudgetPeriod;
  /** IANA name. */
  readonly timeZone: string;
  /** Day of the month on which a month begins; 1 to 28. */
  readonly resetDay: number;
}

/** One period of a budget; without an end for a total. */
export interface Window {
  readonly startsAt: Date;
  readonly endsAt: Date | null;
}

/** A limit as somebody sets it. */
export interface BudgetLimit extends Calendar {
  readonly unit: BudgetUnit;
  readonly limit: bigint;
  /** At which parts of the limit to say so; ascending, each once. None where somebody sets a limit: the configured ones. */
  readonly alertPercents: readonly number[];
}

/** Names whom a budget caps. */
export interface BudgetScope {
  readonly tenantId: string;
  readonly scopeKind: ScopeKind;
  /** Of the tenant itself for a budget of the tenant. */
  readonly scopeId: string;
}

/** A cap and how much of it is taken in its current period. */
export interface Budget extends BudgetScope, BudgetLimit {
  readonly budgetId: string;
  readonly window: Window;
  /** Charged in this period. */
  readonly used: bigint;
  /** Set aside in this period by calls in flight and leases. */
  readonly reserved: bigint;
  /** The highest of `alertPercents` that was said in this period; 0 for none. */
  readonly alertedPercent: number;
  /** Whether it was said in this period that a call was refused. */
  readonly isRefusalSaid: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Who makes a call: the budgets of all of them apply, and those of every group that the user is in. */
export interface CallPath {
  readonly tenantId: string;
  /** Empty for nobody in particular; so is `keyId`. */
  readonly userId: string;
  readonly keyId: string;
}

/** What a call in flight or a lease has set aside in one budget. */
export interface BudgetHold {
  /** Of the call or the lease. */
  readonly holderId: string;
  readonly budgetId: string;
  /** In which of the budget's periods. */
  readonly windowStartsAt: Date;
  readonly amount: bigint;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;

/** The period in which `nowMs` lies: `startsAt <= now < endsAt`. Periods follow each other without gaps, in whatever zone. */
export function windowAt({ period, timeZone, resetDay }: Calendar, nowMs: number): Window {
  if (period === "total") return { startsAt: new Date(0), endsAt: null };
  if (period === "minute") return windowOf(Math.floor(nowMs / minuteMs) * minuteMs, minuteMs);
  const local = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(timeZone);
  if (period === "hour") {
    const offsetMs = local.offsetNanoseconds / 1e6;
    return windowOf(Math.floor((nowMs + offsetMs) / hourMs) * hourMs - offsetMs, hourMs);
  }
  if (period === "day") return between(local.startOfDay(), local.startOfDay().add({ days: 1 }).startOfDay());
  const thisMonth = local.with({ day: resetDay }).startOfDay();
  const start = thisMonth.epochMilliseconds <= nowMs ? thisMonth : thisMonth.subtract({ months: 1 }).startOfDay();
  return between(start, start.add({ months: 1 }).startOfDay());
}

function windowOf(startMs: number, durationMs: number): Window {
  return { startsAt: new Date(startMs), endsAt: new Date(startMs + durationMs) };
}

function between(start: Temporal.ZonedDateTime, end: Temporal.ZonedDateTime): Window {
  return { startsAt: new Date(start.epochMilliseconds), endsAt: new Date(end.epochMilliseconds) };
}

/** The budget as it is at that time: in the next period nothing is used. Time that goes backwards changes nothing. */
export function rollOver(budget: Budget, nowMs: number): Budget {
  const { endsAt } = budget.window;
  if (endsAt === null || nowMs < endsAt.getTime()) return budget;
  const window = windowAt(budget, nowMs);
  return { ...budget, window, used: 0n, reserved: 0n, alertedPercent: 0, isRefusalSaid: false };
}

/** What new calls may still set aside; never negative. */
export function availableOf({ limit, used, reserved }: Budget): bigint {
  return atLeast(limit - used - reserved, 0n);
}

/** What could be set aside if every call in flight gave back all it holds; never negative. */
export function unusedOf({ limit, used }: Budget): bigint {
  return atLeast(limit - used, 0n);
}

/** The highest of the budget's alert marks that its use has reached; 0 for none. A budget of nothing is used up from the start. */
export function reachedPercent({ limit, used, alertPercents }: Budget): number {
  return alertPercents.findLast((percent) => used * 100n >= limit * BigInt(percent)) ?? 0;
}
