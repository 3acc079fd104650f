import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { BudgetPeriod, BudgetScope, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import type * as model from "./model.ts";

/** How each is called on the wire. */
export const scopeMessages: Readonly<Record<model.ScopeKind, BudgetScope>> = {
  tenant: BudgetScope.TENANT,
  group: BudgetScope.GROUP,
  user: BudgetScope.USER,
  key: BudgetScope.KEY,
};
export const unitMessages: Readonly<Record<model.BudgetUnit, BudgetUnit>> = {
  money: BudgetUnit.MONEY,
  tokens: BudgetUnit.TOKENS,
  calls: BudgetUnit.CALLS,
};
export const periodMessages: Readonly<Record<model.BudgetPeriod, BudgetPeriod>> = {
  minute: BudgetPeriod.MINUTE,
  hour: BudgetPeriod.HOUR,
  day: BudgetPeriod.DAY,
  month: BudgetPeriod.MONTH,
  total: BudgetPeriod.TOTAL,
};

/** A budget on the wire. */
export function toBudgetFacts(budget: model.Budget) {
  const { budgetId, tenantId, scopeId, limit, used, reserved, timeZone, resetDay, window } = budget;
  return {
    ...{ budgetId, tenantId, scopeId, limit, used, reserved, timeZone, resetDay },
    scope: scopeMessages[budget.scopeKind],
    unit: unitMessages[budget.unit],
    period: periodMessages[budget.period],
    alertPercents: [...budget.alertPercents],
    ...(window.endsAt && { startedAt: timestampFromDate(window.startsAt), resetAt: timestampFromDate(window.endsAt) }),
    createdAt: timestampFromDate(budget.createdAt),
    updatedAt: timestampFromDate(budget.updatedAt),
  };
}

/** What the wire calls so; undefined for what it does not say. */
export function fromMessage<Name extends string, Message>(
  messages: Readonly<Record<Name, Message>>,
  message: Message,
): Name | undefined {
  const found = Object.entries(messages).find(([, value]) => value === message);
  return found?.[0] as Name | undefined;
}
