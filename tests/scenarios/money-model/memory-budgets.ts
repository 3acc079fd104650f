import type { Clock } from "@lyss/kit/service/clock.ts";
import type { BudgetStore } from "@lyss/services/billing/budgets/budget-store.ts";
import type { Budget, BudgetHold } from "@lyss/services/billing/budgets/model.ts";

/** How the tables of one transaction are written. */
export interface MemoryTransaction {
  readonly clock: Clock;
  /** Every statement begins with it. */
  statement(): void;
  /** Until the transaction is undone. */
  put<T>(table: Map<string, T>, key: string, row: T | undefined): void;
}

/** Billing's tables of budgets in memory, behind the interface of their store, as far as calls need them. */
export function createMemoryBudgets({ clock, statement, put }: MemoryTransaction) {
  const budgets = new Map<string, Budget>();
  /** By holder and budget. */
  const holds = new Map<string, BudgetHold>();
  const nameOf = ({ holderId, budgetId }: BudgetHold) => `${holderId} ${budgetId}`;
  const ofHolders = (holderIds: readonly string[]) =>
    [...holds.values()].filter(({ holderId }) => holderIds.includes(holderId));

  const store: Partial<BudgetStore> = {
    async listBudgetedTenants(_tx, tenantIds) {
      statement();
      return tenantIds.filter((tenantId) => [...budgets.values()].some((budget) => budget.tenantId === tenantId));
    },
    async readNowMs() {
      statement();
      return clock.nowMs();
    },
    async lockBudgets(_tx, paths, holderIds) {
      statement();
      const held = new Set(ofHolders(holderIds).map(({ budgetId }) => budgetId));
      return [...budgets.values()].filter(
        ({ budgetId, tenantId, scopeKind, scopeId }) =>
          held.has(budgetId) ||
          paths.some((path) => {
            const ids = { tenant: path.tenantId, group: "", user: path.userId, key: path.keyId };
            return path.tenantId === tenantId && ids[scopeKind] === scopeId;
          }),
      );
    },
    async listMemberships() {
      statement();
      return [];
    },
    async findHolds(_tx, holderIds) {
      statement();
      return ofHolders(holderIds);
    },
    async insertHolds(_tx, rows) {
      statement();
      for (const row of rows) {
        if (holds.has(nameOf(row))) throw new Error("budget_hold_pkey");
        put(holds, nameOf(row), checked(row));
      }
    },
    async updateHolds(_tx, rows) {
      statement();
      for (const row of rows) if (holds.has(nameOf(row))) put(holds, nameOf(row), checked(row));
    },
    async deleteHolds(_tx, holderIds) {
      statement();
      for (const hold of ofHolders(holderIds)) put(holds, nameOf(hold), undefined);
    },
    async updateAmounts(_tx, rows) {
      statement();
      for (const row of rows) {
        if (row.used < 0n || row.reserved < 0n) throw new Error("budget_amounts_check");
        put(budgets, row.budgetId, row);
      }
    },
    async putBudgets(_tx, rows) {
      statement();
      for (const row of rows) put(budgets, row.budgetId, row);
    },
  };
  return { store, budgets: (): readonly Budget[] => [...budgets.values()] };
}

function checked(hold: BudgetHold): BudgetHold {
  if (hold.amount < 0n) throw new Error("budget_hold_amount_check");
  return hold;
}
