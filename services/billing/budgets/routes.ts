import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { idsQueryField, pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { formatNanos } from "../model.ts";
import type { BillingOps } from "../ops.ts";
import { budgetFields, maxLimitsPerUser } from "./budget-fields.ts";
import type { UserQuota } from "./budget-ops.ts";
import { toAmount } from "./budget-settings.ts";
import { requireEachOnce } from "./each-once.ts";
import { availableOf, type Budget, type BudgetLimit } from "./model.ts";

const { json } = routesFor<BillingOps>();

/** Held by those who set budgets and see everybody's; others see those that apply to themselves. */
const manageBudgets = "billing:budget";

const amount = z.string().describe("Decimal string: units of the currency, tokens or calls.");
const counted = {
  unit: budgetFields.unit.describe("Tokens are input and output together; calls are those that did not fail."),
  period: budgetFields.period,
  limit: amount,
  used: amount,
  reserved: amount.describe("Set aside by calls in flight."),
  remaining: amount,
  reset_at: z.iso.datetime().nullable().describe("When nothing is used again; null for a total."),
  time_zone: z.string(),
  reset_day: z.int(),
  alert_percents: z.array(z.int()),
};
const budget = z.strictObject({
  object: z.literal("budget"),
  id: z.string(),
  scope: budgetFields.scopeKind,
  scope_id: z.string(),
  ...counted,
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
const quota = z.strictObject({
  object: z.literal("quota"),
  user_id: z.string(),
  limits: z.array(z.strictObject(counted)).describe("None for a person without limits of their own."),
});

const limitFields = {
  limit: z.string().max(20).describe("Decimal string: units of the currency, tokens or calls."),
  time_zone: budgetFields.timeZone
    .default("UTC")
    .describe("IANA name of the zone whose hours, days and months are meant."),
  reset_day: budgetFields.resetDay.default(1).describe("Day on which a month begins."),
  alert_percents: budgetFields.alertPercents.optional().describe("The configured ones unless given."),
};
const namedLimit = z.strictObject({ unit: budgetFields.unit, period: budgetFields.period, ...limitFields });

const idParams = z.strictObject({ id: z.string().max(64) });
const userParams = z.strictObject({ user_id: z.string().min(1).max(64).describe("'me' is the one who asks.") });
const settingFailures = [billingFailures.wallet_not_found, billingFailures.too_many_budgets];

const ofBudgets = [
  json({
    method: "GET",
    path: "/v1/billing/budgets",
    permission: "billing:read",
    operation: "listBudgets",
    summary:
      "Budgets, newest first: the tenant's for those who hold billing:budget, for others those that apply to them.",
    query: z.strictObject({
      ...pageQueryFields,
      scope: budgetFields.scopeKind.optional(),
      scope_id: idsQueryField
        .optional()
        .describe("Up to 100 ids of tenants, groups, users or keys, with commas in between."),
      unit: budgetFields.unit.optional(),
      period: budgetFields.period.optional(),
    }),
    response: pageOf(budget),
    async handle(ops, request) {
      const caller = requireCaller(request);
      const { tenantId, userId, keyId } = caller;
      const { scope: scopeKind, scope_id: scopeIds, ...page } = request.query;
      const path = isManager(caller) ? undefined : { tenantId, userId, keyId };
      return toPageBody(await ops.listBudgets({ tenantId, scopeKind, scopeIds, path, ...page }), toBudget);
    },
  }),
  json({
    method: "POST",
    path: "/v1/billing/budgets",
    permission: manageBudgets,
    operation: "setBudget",
    summary: "Caps a tenant, group, user or key. One that is there for the unit and period gets the new limit.",
    body: namedLimit.extend({
      scope: budgetFields.scopeKind,
      scope_id: budgetFields.scopeId.optional().describe("Of the group, user or key."),
    }),
    response: budget,
    takesIdempotencyKey: true,
    failures: settingFailures,
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { scope: scopeKind, scope_id, ...limit } = request.body;
      const scopeId = scopeKind === "tenant" ? tenantId : scope_id;
      if (!scopeId) throw invalid("scope_id", "is missing", "缺失");
      return toBudget(await ops.setBudget({ tenantId, scopeKind, scopeId, limit: fromLimit(limit) }));
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/budgets/{id}",
    permission: manageBudgets,
    operation: "getBudget",
    summary: "A budget and what is used of it.",
    params: idParams,
    response: budget,
    failures: [billingFailures.budget_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toBudget(await ops.getBudget({ tenantId, budgetId: request.params.id }));
    },
  }),
  json({
    method: "PUT",
    path: "/v1/billing/budgets/{id}",
    permission: manageBudgets,
    operation: "updateBudget",
    summary: "Gives a budget another limit, calendar or alert marks. What is used of it stays used.",
    params: idParams,
    body: z.strictObject(limitFields),
    response: budget,
    takesIdempotencyKey: true,
    failures: [billingFailures.budget_not_found, ...settingFailures],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const known = await ops.getBudget({ tenantId, budgetId: request.params.id });
      const { unit, period, scopeKind, scopeId } = known;
      const limit = fromLimit({ unit, period, ...request.body });
      return toBudget(await ops.setBudget({ tenantId, scopeKind, scopeId, limit }));
    },
  }),
  json({
    method: "DELETE",
    path: "/v1/billing/budgets/{id}",
    permission: manageBudgets,
    operation: "deleteBudget",
    summary: "Lifts a budget.",
    params: idParams,
    response: z.strictObject({ object: z.literal("budget"), id: z.string(), deleted: z.literal(true) }),
    failures: [billingFailures.budget_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      await ops.deleteBudget({ tenantId, budgetId: request.params.id });
      return { object: "budget" as const, id: request.params.id, deleted: true as const };
    },
  }),
];

const ofQuotas = [
  json({
    method: "GET",
    path: "/api/v1/billing/quotas/{user_id}",
    permission: "billing:read",
    operation: "getUserQuota",
    summary: "What a person may use, and what of it is left: one's own, with billing:budget everybody's in the tenant.",
    params: userParams,
    response: quota,
    failures: [billingFailures.quota_not_visible],
    async handle(ops, request) {
      const caller = requireCaller(request);
      const user = userOf(request);
      if (user.userId !== caller.userId && !isManager(caller)) throw new Failure(billingFailures.quota_not_visible);
      return toQuota(await ops.getUserQuota(user));
    },
  }),
  json({
    method: "PUT",
    path: "/api/v1/billing/quotas/{user_id}",
    permission: manageBudgets,
    operation: "setUserQuota",
    summary: "Makes these the limits of a person, and no others. What is used in a period stays used.",
    params: userParams,
    body: z.strictObject({ limits: z.array(namedLimit).max(maxLimitsPerUser) }),
    response: quota,
    takesIdempotencyKey: true,
    failures: settingFailures,
    async handle(ops, request) {
      const limits = request.body.limits.map(fromLimit);
      requireEachOnce(limits);
      return toQuota(await ops.setUserQuota({ ...userOf(request), limits }));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/billing/quotas/{user_id}",
    permission: manageBudgets,
    operation: "resetUserQuota",
    summary: "Makes the configured default the limits of a person.",
    params: userParams,
    response: quota,
    takesIdempotencyKey: true,
    failures: settingFailures,
    handle: async (ops, request) => toQuota(await ops.resetUserQuota(userOf(request))),
  }),
];

/** Budgets of a tenant, and what one person may use. */
export const budgetRoutes = [...ofBudgets, ...ofQuotas];

function isManager({ permissions }: Caller): boolean {
  return permits(permissions, manageBudgets);
}

function userOf(request: { readonly caller: Caller | undefined; readonly params: { readonly user_id: string } }) {
  const { tenantId, userId } = requireCaller(request);
  const { user_id: named } = request.params;
  return { tenantId, userId: named === "me" ? userId : named };
}

function fromLimit(body: z.output<typeof namedLimit>): BudgetLimit {
  const {
    unit,
    period,
    limit: text,
    time_zone: timeZone,
    reset_day: resetDay,
    alert_percents: alertPercents = [],
  } = body;
  const limit = toAmount(unit, text);
  if (limit === undefined) {
    throw unit === "money"
      ? invalid("limit", "must be a decimal string such as 25 or 0.50", "必须是十进制数字符串，例如 25 或 0.50")
      : invalid("limit", "must be a whole number of at most 18 digits", "必须是最多 18 位的整数");
  }
  return { unit, period, limit, timeZone, resetDay, alertPercents };
}

function toCounted(row: Budget) {
  const format = row.unit === "money" ? formatNanos : String;
  return {
    ...{ unit: row.unit, period: row.period, limit: format(row.limit), used: format(row.used) },
    ...{ reserved: format(row.reserved), remaining: format(availableOf(row)) },
    reset_at: row.window.endsAt?.toISOString() ?? null,
    ...{ time_zone: row.timeZone, reset_day: row.resetDay, alert_percents: [...row.alertPercents] },
  };
}

function toBudget(row: Budget): z.input<typeof budget> {
  return {
    ...{ object: "budget", id: row.budgetId, scope: row.scopeKind, scope_id: row.scopeId, ...toCounted(row) },
    ...{ created_at: row.createdAt.toISOString(), updated_at: row.updatedAt.toISOString() },
  };
}

function toQuota({ userId, budgets }: UserQuota): z.input<typeof quota> {
  return { object: "quota", user_id: userId, limits: budgets.map(toCounted) };
}

function invalid(field: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}
