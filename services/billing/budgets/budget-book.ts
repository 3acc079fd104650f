import { atMost } from "@lyss/contracts/pricing/at-most.ts";
import {
  type Amounts,
  availableOf,
  type Budget,
  type BudgetHold,
  type CallPath,
  rollOver,
  type ScopeKind,
  scopeKinds,
} from "./model.ts";

/** Somebody's place in a group that has a budget. */
export interface Membership {
  readonly tenantId: string;
  readonly userId: string;
  readonly groupId: string;
}

/** A call that a budget refused for the first time in its period. */
export interface Refusal extends CallPath {
  readonly budget: Budget;
}

/** What a transaction knows of budgets under its locks, and what it is about to write. */
export interface BudgetBook {
  readonly nowMs: number;
  /** The budgets that a call must fit into, from the widest scope to the narrowest. */
  findPath(call: CallPath): readonly Budget[];
  /** Sets `most` aside in every budget of the call's path. To be called when it fits into all of them. */
  hold(call: CallPath & { readonly callId: string }, most: Amounts): void;
  /** The budgets in which a call or a lease holds something, as they are now. */
  findHeld(holderId: string): readonly Budget[];
  /** The budgets in which a call holds something, as if it held nothing. */
  findPathWithout(callId: string): readonly Budget[];
  /** Sets `most` aside for a call in place of what it holds. To be called when it fits into all of its budgets. */
  raise(callId: string, most: Amounts): void;
  /** What a call that holds `heldNanos` may be charged at most, as far as its budgets go; undefined for no bound. */
  findCollectableNanos(callId: string): bigint | undefined;
  /** Frees what a call or a lease holds, and charges what it used where the period is still the one in which it began. */
  settle(holderId: string, spent: Amounts): void;
  /**
   * Sets more aside for a lease, in the budgets that hold something for it and, when it is new, in all of its path. To be
   * called when it fits into all of them.
   */
  lend(lease: CallPath & { readonly leaseId: string }, amounts: Amounts): void;
  /** Frees some of what a lease holds; no more than that. */
  takeBack(leaseId: string, amounts: Amounts): void;
  /**
   * Charges a call that was paid from a lease, out of what the lease holds of each budget. In budgets of which it holds
   * nothing, and whose period began after the call did, the call does not count.
   */
  charge(call: CallPath & { readonly leaseId?: string }, startedAtMs: number, spent: Amounts): void;
  /** Notes that a budget refused a call; nothing where it was none. */
  refuse(budgetId: string | undefined, call: CallPath): void;
  readonly changes: BudgetChanges;
}

/** What is to be written. */
export interface BudgetChanges {
  /** Each as it was when the transaction read it, in its current period, and as it is now. */
  listChanged(): readonly { readonly before: Budget; readonly after: Budget }[];
  /** Of calls and leases that have held nothing before. */
  listNew(): readonly BudgetHold[];
  /** Of calls and leases that hold more or less than before. */
  listChangedHolds(): readonly BudgetHold[];
  readonly endedHolderIds: readonly string[];
  /** Those in which something has become free. */
  readonly freedBudgetIds: ReadonlySet<string>;
  readonly refusals: readonly Refusal[];
}

export interface BookEntries {
  readonly nowMs: number;
  readonly budgets: readonly Budget[];
  readonly memberships: readonly Membership[];
  readonly holds: readonly BudgetHold[];
}

const noBudgets: readonly Budget[] = [];
const scopeKey = (tenantId: string, kind: ScopeKind, id: string) => JSON.stringify([tenantId, kind, id]);
const userKey = (tenantId: string, userId: string) => JSON.stringify([tenantId, userId]);

export function createBudgetBook({ nowMs, budgets, memberships, holds }: BookEntries): BudgetBook {
  const before = new Map(budgets.map((budget) => [budget.budgetId, rollOver(budget, nowMs)]));
  const changed = new Map<string, Budget>();
  const byScope = Map.groupBy(before.values(), ({ tenantId, scopeKind, scopeId }) =>
    scopeKey(tenantId, scopeKind, scopeId),
  );
  const groupsByUser = Map.groupBy(memberships, ({ tenantId, userId }) => userKey(tenantId, userId));
  /** By holder and budget, as they are now. */
  const held = new Map<string, Map<string, BudgetHold>>();
  for (const hold of holds) ofHolder(hold.holderId).set(hold.budgetId, hold);
  /** As they were: a batch has many calls of few paths. */
  const paths = new Map<string, readonly Budget[]>();
  const newHolderIds = new Set<string>();
  const changedHolderIds = new Set<string>();
  const endedHolderIds: string[] = [];
  const freedBudgetIds = new Set<string>();
  const refusals: Refusal[] = [];

  function ofHolder(holderId: string): Map<string, BudgetHold> {
    return held.getOrInsertComputed(holderId, () => new Map());
  }

  function readPath({ tenantId, userId, keyId }: CallPath): readonly Budget[] {
    const ofScope = (kind: ScopeKind, id: string) => byScope.get(scopeKey(tenantId, kind, id)) ?? [];
    const groups = groupsByUser.get(userKey(tenantId, userId));
    const byKind = {
      tenant: ofScope("tenant", tenantId),
      group: groups?.flatMap(({ groupId }) => ofScope("group", groupId)) ?? [],
      user: ofScope("user", userId),
      key: ofScope("key", keyId),
    };
    return scopeKinds.flatMap((kind) => byKind[kind]);
  }

  function findPath(call: CallPath): readonly Budget[] {
    if (budgets.length === 0) return noBudgets;
    const key = JSON.stringify([call.tenantId, call.userId, call.keyId]);
    const path = paths.getOrInsertComputed(key, () => readPath(call));
    return path.map((budget) => changed.get(budget.budgetId) ?? budget);
  }

  /** As it is now. */
  function find(budgetId: string): Budget | undefined {
    return changed.get(budgetId) ?? before.get(budgetId);
  }

  /** The budget that a hold lies in; undefined once its period is over, or it was deleted. */
  function budgetOf(hold: BudgetHold): Budget | undefined {
    const budget = find(hold.budgetId);
    return budget?.window.startsAt.getTime() === hold.windowStartsAt.getTime() ? budget : undefined;
  }

  function heldBy(holderId: string) {
    return listHolds(holderId).flatMap((hold) => {
      const budget = budgetOf(hold);
      return budget ? [{ hold, budget }] : [];
    });
  }

  const listHolds = (holderId: string) => [...(held.get(holderId)?.values() ?? [])];
  const put = (budget: Budget) => changed.set(budget.budgetId, budget);

  /** What it holds from now on in a budget, in which what is reserved changes likewise. */
  function putHold(hold: BudgetHold, budget: Budget, amount: bigint): void {
    const { holderId, budgetId } = hold;
    put({ ...budget, reserved: budget.reserved + amount - hold.amount });
    ofHolder(holderId).set(budgetId, { ...hold, amount });
    if (!newHolderIds.has(holderId)) changedHolderIds.add(holderId);
  }

  function putNewHolds(holderId: string, call: CallPath, amounts: Amounts): void {
    const path = findPath(call);
    newHolderIds.add(holderId);
    for (const budget of path) {
      const { budgetId, window, unit } = budget;
      putHold({ holderId, budgetId, windowStartsAt: window.startsAt, amount: 0n }, budget, amounts[unit]);
    }
  }

  return {
    nowMs,
    findPath,
    hold: (call, most) => putNewHolds(call.callId, call, most),
    findHeld: (holderId) => heldBy(holderId).map(({ budget }) => budget),
    findPathWithout(callId) {
      return heldBy(callId).map(({ hold, budget }) => ({ ...budget, reserved: budget.reserved - hold.amount }));
    },
    raise(callId, most) {
      for (const { hold, budget } of heldBy(callId)) putHold(hold, budget, most[budget.unit]);
    },
    lend(lease, amounts) {
      const known = heldBy(lease.leaseId);
      if (known.length === 0) putNewHolds(lease.leaseId, lease, amounts);
      for (const { hold, budget } of known) putHold(hold, budget, hold.amount + amounts[budget.unit]);
    },
    takeBack(leaseId, amounts) {
      for (const { hold, budget } of heldBy(leaseId)) {
        const freed = atMost(amounts[budget.unit], hold.amount);
        if (freed === 0n) continue;
        freedBudgetIds.add(budget.budgetId);
        putHold(hold, budget, hold.amount - freed);
      }
    },
    findCollectableNanos(callId) {
      let least: bigint | undefined;
      for (const { hold, budget } of heldBy(callId)) {
        if (budget.unit !== "money") continue;
        const nanos = hold.amount + availableOf(budget);
        least = least === undefined ? nanos : atMost(nanos, least);
      }
      return least;
    },
    settle(holderId, spent) {
      if (!held.has(holderId)) return;
      const ended = heldBy(holderId);
      held.delete(holderId);
      endedHolderIds.push(holderId);
      for (const { hold, budget } of ended) {
        freedBudgetIds.add(budget.budgetId);
        put({ ...budget, reserved: budget.reserved - hold.amount, used: budget.used + spent[budget.unit] });
      }
    },
    charge(call, startedAtMs, spent) {
      for (const budget of findPath(call)) {
        const hold = call.leaseId === undefined ? undefined : held.get(call.leaseId)?.get(budget.budgetId);
        const isHeld = hold !== undefined && budgetOf(hold) !== undefined;
        if (!isHeld && startedAtMs < budget.window.startsAt.getTime()) continue;
        const charged = { ...budget, used: budget.used + spent[budget.unit] };
        if (isHeld) putHold(hold, charged, hold.amount - atMost(spent[budget.unit], hold.amount));
        else put(charged);
      }
    },
    refuse(budgetId, { tenantId, userId, keyId }) {
      const budget = budgetId === undefined ? undefined : find(budgetId);
      if (!budget || budget.isRefusalSaid) return;
      put({ ...budget, isRefusalSaid: true });
      refusals.push({ budget, tenantId, userId, keyId });
    },
    changes: {
      listChanged() {
        return [...before.values()].flatMap((known) => {
          const after = changed.get(known.budgetId);
          return after ? [{ before: known, after }] : [];
        });
      },
      listNew: () => [...newHolderIds].flatMap(listHolds),
      listChangedHolds: () => [...changedHolderIds].flatMap((id) => heldBy(id).map(({ hold }) => hold)),
      endedHolderIds,
      freedBudgetIds,
      refusals,
    },
  };
}
