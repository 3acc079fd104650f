import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { idsQueryField, pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { amountInput } from "../amount-inputs.ts";
import { formatNanos, parseNanos } from "../model.ts";
import type { BillingOps } from "../ops.ts";
import type { PricePlan } from "./plan.ts";
import { planFields } from "./plan-fields.ts";
import { maxMarkupPpm, minMarkupPpm } from "./rpc-inputs.ts";

const { json } = routesFor<BillingOps>();
const permission = "platform:billing";
const failures = [billingFailures.plan_not_found];

const params = z.strictObject({ name: planFields.name });
const assignment = z.strictObject({ name: planFields.name, tenant_id: planFields.tenantId });
const assigned = z.strictObject({ object: z.literal("plan_assignment"), plan: z.string(), tenant_id: z.string() });

const plan = z.strictObject({
  object: z.literal("price_plan"),
  id: z.string(),
  name: z.string(),
  description: z.string(),
  markup_ppm: z.number().describe("Millionths added to every price that holds for all, or taken off when negative."),
  version: z.number().describe("How often the mark-up was set."),
  max_credit_limit: z.string().describe("How much credit its tenants may be given at most."),
  tenants: z.number().describe("How many are on it."),
  created_at: z.iso.datetime(),
});

/** Price plans, for operators. */
export const planRoutes = [
  json({
    method: "GET",
    path: "/admin/billing/plans",
    permission,
    operation: "listPlans",
    summary: "Price plans, by name.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(plan),
    handle: async (ops, { query }) => toPageBody(await ops.listPlans(query), toPlanBody),
  }),
  json({
    method: "GET",
    path: "/admin/billing/plans/{name}",
    permission,
    operation: "getPlan",
    summary: "A price plan.",
    params,
    response: plan,
    failures,
    handle: async (ops, request) => toPlanBody(await ops.getPlan(request.params)),
  }),
  json({
    method: "PUT",
    path: "/admin/billing/plans/{name}",
    permission,
    operation: "putPlan",
    stepUp: "with_factors",
    summary:
      "Creates a price plan, or gives it another mark-up, description or bound of credit; for calls from then on.",
    params,
    body: z.strictObject({
      markup_ppm: z.int().min(minMarkupPpm).max(maxMarkupPpm).describe("-100000 takes ten percent off."),
      description: planFields.description.default(""),
      max_credit_limit: amountInput
        .optional()
        .describe("How much credit its tenants may be given at most; as before unless given, and none at first."),
    }),
    response: plan,
    failures: [billingFailures.amount_out_of_range],
    async handle(ops, { params: { name }, body: { markup_ppm: markupPpm, description, max_credit_limit: most } }) {
      return toPlanBody(
        await ops.putPlan({
          name,
          markupPpm,
          description,
          maxCreditLimitNanos: most === undefined ? undefined : parseNanos(most),
        }),
      );
    },
  }),
  json({
    method: "GET",
    path: "/admin/billing/plans/{name}/tenants",
    permission,
    operation: "listPlanTenants",
    summary: "Tenants that are on a price plan.",
    params,
    query: z.strictObject({
      ...pageQueryFields,
      tenant_id: idsQueryField.optional().describe("Up to 100 tenants that are asked about, with commas in between."),
    }),
    response: pageOf(z.strictObject({ tenant_id: z.string(), assigned_at: z.iso.datetime() })),
    failures,
    async handle(ops, { params: { name }, query: { tenant_id: tenantIds, ...page } }) {
      return toPageBody(await ops.listPlanTenants({ name, tenantIds, ...page }), ({ tenantId, assignedAt }) => ({
        ...{ tenant_id: tenantId, assigned_at: assignedAt.toISOString() },
      }));
    },
  }),
  json({
    method: "PUT",
    path: "/admin/billing/plans/{name}/tenants/{tenant_id}",
    permission,
    operation: "assignPlan",
    stepUp: "with_factors",
    summary: "Puts a tenant on a price plan, in place of the one that it was on.",
    params: assignment,
    response: assigned,
    failures,
    async handle(ops, { params: { name, tenant_id: tenantId } }) {
      await ops.assignPlan({ name, tenantId });
      return { object: "plan_assignment" as const, plan: name, tenant_id: tenantId };
    },
  }),
  json({
    method: "DELETE",
    path: "/admin/billing/plans/{name}/tenants/{tenant_id}",
    permission,
    operation: "unassignPlan",
    stepUp: "with_factors",
    summary: "Takes a tenant off a price plan.",
    params: assignment,
    response: assigned,
    failures,
    async handle(ops, { params: { name, tenant_id: tenantId } }) {
      await ops.unassignPlan({ name, tenantId });
      return { object: "plan_assignment" as const, plan: name, tenant_id: tenantId };
    },
  }),
];

function toPlanBody(row: PricePlan): z.input<typeof plan> {
  const { planId: id, name, description, markupPpm, maxCreditLimitNanos, version, tenants, createdAt } = row;
  const names = { object: "price_plan", id, name, description } as const;
  const max_credit_limit = formatNanos(maxCreditLimitNanos);
  return { ...names, markup_ppm: markupPpm, max_credit_limit, version, tenants, created_at: createdAt.toISOString() };
}
