import { BudgetPeriod, BudgetScope, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import type { CheckedRequest } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, optionalIdInput, orEmpty, pageInputs } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import type { BillingOps } from "../ops.ts";
import { budgetFields, maxAlerts, maxLimit, maxLimitsPerUser } from "./budget-fields.ts";
import { fromMessage, periodMessages, scopeMessages, toBudgetFacts, unitMessages } from "./budget-message.ts";
import type { UserQuota } from "./budget-ops.ts";
import { requireEachOnce } from "./each-once.ts";
import type { BudgetLimit } from "./model.ts";

const limitInput = z.object({
  unit: z.enum(BudgetUnit),
  period: z.enum(BudgetPeriod),
  limit: z.bigint().min(0n).max(maxLimit),
  timeZone: orEmpty(budgetFields.timeZone),
  resetDay: z.int().min(0).max(28),
  alertPercents: z.array(z.int().min(1).max(100)).max(maxAlerts),
});
const scope = z.enum(BudgetScope);
const reference = { tenantId: idInput, budgetId: idInput };
const person = { tenantId: idInput, userId: idInput };

/** Bounds of the requests about budgets. */
export const budgetInputs = {
  setBudget: { tenantId: idInput, scope, scopeId: optionalIdInput, limit: limitInput },
  getBudget: reference,
  listBudgets: { tenantId: idInput, scope, scopeId: optionalIdInput, ...pageInputs },
  deleteBudget: reference,
  setUserQuota: { ...person, limits: z.array(limitInput).max(maxLimitsPerUser) },
  getUserQuota: person,
  resetUserQuota: person,
  checkBudgets: { tenantId: idInput, userId: optionalIdInput, keyId: optionalIdInput },
};

type Request<Name extends keyof typeof budgetInputs> = CheckedRequest<(typeof budgetInputs)[Name]>;

/** Billing's methods about budgets. */
export function createBudgetRpc(ops: BillingOps) {
  return {
    async setBudget({ tenantId, scope: scopeMessage, scopeId, limit }: Request<"setBudget">) {
      const scopeKind = fromMessage(scopeMessages, scopeMessage);
      if (!scopeKind) throw invalid("scope", "must say whom the budget caps", "必须说明预算限制的对象");
      const id = scopeKind === "tenant" ? tenantId : scopeId;
      if (id === "") throw invalid("scopeId", "must not be empty", "不能为空");
      const budget = await ops.setBudget({ tenantId, scopeKind, scopeId: id, limit: fromLimit(limit) });
      return { budget: toBudgetFacts(budget) };
    },
    getBudget: async (request: Request<"getBudget">) => ({ budget: toBudgetFacts(await ops.getBudget(request)) }),
    async listBudgets(request: Request<"listBudgets">) {
      const scopeKind = fromMessage(scopeMessages, request.scope);
      const filter = {
        tenantId: request.tenantId,
        scopeKind,
        scopeIds: request.scopeId ? [request.scopeId] : undefined,
      };
      const { rows, nextCursor } = await ops.listBudgets({ ...filter, ...fromPageRequest(request) });
      return { budgets: rows.map(toBudgetFacts), nextCursor: nextCursor ?? "" };
    },
    async deleteBudget(request: Request<"deleteBudget">) {
      await ops.deleteBudget(request);
      return {};
    },
    async setUserQuota({ limits, ...user }: Request<"setUserQuota">) {
      const wanted = limits.map(fromLimit);
      requireEachOnce(wanted);
      return { quota: toQuota(await ops.setUserQuota({ ...user, limits: wanted })) };
    },
    getUserQuota: async (user: Request<"getUserQuota">) => ({ quota: toQuota(await ops.getUserQuota(user)) }),
    resetUserQuota: async (user: Request<"resetUserQuota">) => ({ quota: toQuota(await ops.resetUserQuota(user)) }),
    async checkBudgets(path: Request<"checkBudgets">) {
      const kinds = await ops.checkBudgets(path);
      return {
        hasBudgets: kinds.size > 0,
        isByUser: kinds.has("user") || kinds.has("group"),
        isByKey: kinds.has("key"),
      };
    },
  };
}

function fromLimit({
  unit,
  period,
  limit,
  timeZone,
  resetDay,
  alertPercents,
}: z.output<typeof limitInput>): BudgetLimit {
  const names = { unit: fromMessage(unitMessages, unit), period: fromMessage(periodMessages, period) };
  if (!names.unit) throw invalid("limit.unit", "must say what is counted", "必须说明计量单位");
  if (!names.period) throw invalid("limit.period", "must say when the budget starts anew", "必须说明重置周期");
  return {
    ...{ unit: names.unit, period: names.period, limit, timeZone: timeZone ?? "UTC", resetDay: resetDay || 1 },
    alertPercents: budgetFields.alertPercents.safeParse(alertPercents).data ?? [],
  };
}

function toQuota({ budgets, ...user }: UserQuota) {
  return { ...user, budgets: budgets.map(toBudgetFacts) };
}

function invalid(field: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}
