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
  /** The budgets in which a call holds something, as if it held nothing. */
  findPathWithout(callId: string): readonly Budget[];
  /** Sets `most` aside for a call in place of what it holds. To be called when it fits into all of its budgets. */
  raise(callId: string, most: Amounts): void;
  /** What a call that holds `heldNanos` may be charged at most, as far as its budgets go; undefined for no bound. */
  findCollectableNanos(callId: string): bigint | undefined;
  /** Frees what a call holds, and charges what it used where the period is still the one in which it began. */
  settle(callId: string, spent: Amounts): void;
  /** Charges a call that was paid from a lease; in budgets whose period began after it did, it does not count. */
  charge(call: CallPath, startedAtMs: number, spent: Amounts): void;
  /** Notes that a budget refused a call. */
  refuse(budgetId: string, call: CallPath): void;
  readonly changes: BudgetChanges;
}

/** What is to be written. */
export interface BudgetChanges {
  /** Each as it was when the transaction read it, in its current period, and as it is now. */
  listChanged(): readonly { readonly before: Budget; readonly after: Budget }[];
  readonly newHolds: readonly BudgetHold[];
  /** Of calls that hold more than before. */
  listRaised(): readonly BudgetHold[];
  readonly endedCallIds: readonly string[];
  /** Those in which the ended calls held something. */
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
  const now = new Map(before);
  const idsByScope = new Map<string, string[]>();
  for (const { tenantId, scopeKind, scopeId, budgetId } of budgets) {
    const key = scopeKey(tenantId, scopeKind, scopeId);
    idsByScope.set(key, [...(idsByScope.get(key) ?? []), budgetId]);
  }
  const groupsByUser = Map.groupBy(memberships, ({ tenantId, userId }) => userKey(tenantId, userId));
  const holdsByCall = Map.groupBy(holds, ({ callId }) => callId);
  /** Ids by path: a batch has many calls of few paths. */
  const paths = new Map<string, readonly string[]>();
  const newHolds: BudgetHold[] = [];
  const raisedCallIds = new Set<string>();
  const endedCallIds: string[] = [];
  const freedBudgetIds = new Set<string>();
  const refusals: Refusal[] = [];

  function scopeIdsOf({ tenantId, userId, keyId }: CallPath, kind: ScopeKind): readonly string[] {
    if (kind === "tenant") return [tenantId];
    if (kind === "user") return [userId];
    if (kind === "key") return [keyId];
    return (groupsByUser.get(userKey(tenantId, userId)) ?? []).map(({ groupId }) => groupId);
  }

  function findPath(call: CallPath): readonly Budget[] {
    if (budgets.length === 0) return noBudgets;
    const key = JSON.stringify([call.tenantId, call.userId, call.keyId]);
    let ids: readonly string[] | undefined = paths.get(key);
    if (!ids) {
      ids = scopeKinds.flatMap((kind) =>
        scopeIdsOf(call, kind).flatMap((id) => idsByScope.get(scopeKey(call.tenantId, kind, id)) ?? []),
      );
      paths.set(key, ids);
    }
    return ids.flatMap((id) => now.get(id) ?? []);
  }

  /** The budget that a hold lies in; undefined once its period is over, or it was deleted. */
  function budgetOf(hold: BudgetHold): Budget | undefined {
    const budget = now.get(hold.budgetId);
    return budget?.window.startsAt.getTime() === hold.windowStartsAt.getTime() ? budget : undefined;
  }

  function heldBy(callId: string) {
    return (holdsByCall.get(callId) ?? []).flatMap((hold) => {
      const budget = budgetOf(hold);
      return budget ? [{ hold, budget }] : [];
    });
  }

  const put = (budget: Budget) => now.set(budget.budgetId, budget);

  return {
    nowMs,
    findPath,
    hold(call, most) {
      for (const budget of findPath(call)) {
        const { budgetId, window } = budget;
        const amount = most[budget.unit];
        put({ ...budget, reserved: budget.reserved + amount });
        newHolds.push({ callId: call.callId, budgetId, windowStartsAt: window.startsAt, amount });
      }
    },
    findPathWithout(callId) {
      return heldBy(callId).map(({ hold, budget }) => ({ ...budget, reserved: budget.reserved - hold.amount }));
    },
    raise(callId, most) {
      const raised = heldBy(callId).map(({ hold, budget }) => {
        const amount = most[budget.unit];
        put({ ...budget, reserved: budget.reserved + amount - hold.amount });
        return { ...hold, amount };
      });
      if (raised.length === 0) return;
      holdsByCall.set(callId, raised);
      raisedCallIds.add(callId);
    },
    findCollectableNanos(callId) {
      let least: bigint | undefined;
      for (const hold of holdsByCall.get(callId) ?? []) {
        const budget = budgetOf(hold);
        if (budget?.unit !== "money") continue;
        const nanos = hold.amount + availableOf(budget);
        if (least === undefined || nanos < least) least = nanos;
      }
      return least;
    },
    settle(callId, spent) {
      const held = holdsByCall.get(callId);
      if (!held) return;
      holdsByCall.delete(callId);
      endedCallIds.push(callId);
      for (const hold of held) {
        const budget = budgetOf(hold);
        if (!budget) continue;
        freedBudgetIds.add(budget.budgetId);
        put({ ...budget, reserved: budget.reserved - hold.amount, used: budget.used + spent[budget.unit] });
      }
    },
    charge(call, startedAtMs, spent) {
      for (const budget of findPath(call)) {
        if (startedAtMs < budget.window.startsAt.getTime()) continue;
        put({ ...budget, used: budget.used + spent[budget.unit] });
      }
    },
    refuse(budgetId, { tenantId, userId, keyId }) {
      const budget = now.get(budgetId);
      if (!budget || budget.isRefusalSaid) return;
      put({ ...budget, isRefusalSaid: true });
      refusals.push({ budget, tenantId, userId, keyId });
    },
    changes: {
      listChanged() {
        return [...now.values()].flatMap((after) => {
          const known = before.get(after.budgetId);
          return known && known !== after ? [{ before: known, after }] : [];
        });
      },
      newHolds,
      listRaised: () => [...raisedCallIds].flatMap((callId) => holdsByCall.get(callId) ?? []),
      endedCallIds,
      freedBudgetIds,
      refusals,
    },
  };
}
