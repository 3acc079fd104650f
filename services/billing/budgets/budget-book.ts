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
  /** Notes that a budget refused a call; nothing where it was none. */
  refuse(budgetId: string | undefined, call: CallPath): void;
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
  const changed = new Map<string, Budget>();
  const byScope = Map.groupBy(before.values(), ({ tenantId, scopeKind, scopeId }) =>
    scopeKey(tenantId, scopeKind, scopeId),
  );
  const groupsByUser = Map.groupBy(memberships, ({ tenantId, userId }) => userKey(tenantId, userId));
  const holdsByCall = Map.groupBy(holds, ({ callId }) => callId);
  /** As they were: a batch has many calls of few paths. */
  const paths = new Map<string, readonly Budget[]>();
  const newHolds: BudgetHold[] = [];
  const raisedCallIds = new Set<string>();
  const endedCallIds: string[] = [];
  const freedBudgetIds = new Set<string>();
  const refusals: Refusal[] = [];

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

  function heldBy(callId: string) {
    const held = holdsByCall.get(callId)?.flatMap((hold) => {
      const budget = budgetOf(hold);
      return budget ? [{ hold, budget }] : [];
    });
    return held ?? [];
  }

  const put = (budget: Budget) => changed.set(budget.budgetId, budget);

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
      for (const { hold, budget } of heldBy(callId)) {
        if (budget.unit !== "money") continue;
        const nanos = hold.amount + availableOf(budget);
        least = least === undefined ? nanos : atMost(nanos, least);
      }
      return least;
    },
    settle(callId, spent) {
      if (!holdsByCall.has(callId)) return;
      const held = heldBy(callId);
      holdsByCall.delete(callId);
      endedCallIds.push(callId);
      for (const { hold, budget } of held) {
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
      newHolds,
      listRaised: () => [...raisedCallIds].flatMap((callId) => holdsByCall.get(callId) ?? []),
      endedCallIds,
      freedBudgetIds,
      refusals,
    },
  };
}
