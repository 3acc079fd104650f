import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { BillingOps } from "../ops.ts";
import { priceCatalog } from "./catalog.ts";
import type { CostEstimate } from "./cost-estimate.ts";
import type { ImportLine } from "./import-prices.ts";
import { planFields } from "./plan-fields.ts";
import type { Price } from "./price.ts";
import { priceBody, termsBody, termsInputBody, toPriceBody, toTermsBody } from "./price-body.ts";
import { maxMarkupPpm, minMarkupPpm } from "./rpc-inputs.ts";

const { json } = routesFor<BillingOps>();
const permission = "platform:billing";

const name = z.string().min(1).max(200);
const tenantId = planFields.tenantId.optional().describe("Only this tenant's own price; that for all unless given.");
const plan = planFields.name.optional().describe("Only this plan's own price.");
const time = z.iso.datetime({ offset: true });
const pricesInput = z
  .array(z.strictObject({ provider: name, model: name, terms: termsInputBody }))
  .min(1)
  .max(1_000);

const bookPrice = priceBody.extend({
  origin: z.enum(["provider", "catalog", "operator"]).describe("Who said it."),
  tenant_id: z.string().nullable(),
  in_force: z.boolean().describe("Whether its time has come; a later version may have taken its place since."),
});

const estimate = z.strictObject({
  provider: z.string(),
  model: z.string(),
  calls: z.number(),
  charged_nanos: z.string().describe("At the prices at which they were charged, whether the wallets could pay or not."),
  proposed_nanos: z.string(),
  cheaper: z.number().describe("Calls that would cost less."),
  dearer: z.number().describe("Calls that would cost more."),
  unchanged: z.number().describe("Calls of which nothing is proposed; they count at what was charged."),
});

const importLine = z.strictObject({
  provider: z.string(),
  model: z.string(),
  state: z
    .enum(["new", "changed", "same", "kept", "missing"])
    .describe("`kept`: the list says something else, but the configuration or a person has the word."),
  direction: z
    .enum(["lower", "higher", "mixed", "equal"])
    .nullable()
    .describe("What the list says of the usual input and output, beside the current price."),
  current: bookPrice.nullable(),
  proposed: termsBody.nullable(),
});

/** The price book, for operators. */
export const priceRoutes = [
  json({
    method: "GET",
    path: "/admin/billing/prices/versions",
    permission,
    operation: "listPriceVersions",
    summary: "Every version of a model's price, newest first.",
    query: z.strictObject({ ...pageQueryFields, provider: name, model: name, tenant_id: tenantId, plan }),
    response: pageOf(bookPrice),
    failures: [billingFailures.plan_not_found],
    async handle(ops, { query: { tenant_id: owner, ...query } }) {
      return toPageBody(await ops.listPriceVersions({ ...query, ...(owner && { tenantId: owner }) }), toBookPrice);
    },
  }),
  json({
    method: "PUT",
    path: "/admin/billing/prices",
    permission,
    operation: "putPrices",
    stepUp: "with_factors",
    summary: "Makes each given price a new version, in effect at once or from a time on. A repeat writes nothing.",
    body: z.strictObject({
      prices: pricesInput,
      tenant_id: planFields.tenantId.optional().describe("Whose price; everyone's unless given."),
      plan: planFields.name.optional().describe("The plan whose own price it is, in place of a tenant."),
      effective_at: time.optional().describe("In the future. At once unless given."),
    }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(bookPrice) }),
    failures: [billingFailures.plan_not_found],
    async handle(ops, { body }) {
      const prices = await ops.putPrices({
        ...{ prices: body.prices, tenantId: body.plan ? "" : (body.tenant_id ?? ""), plan: body.plan },
        ...{ origin: "operator", effectiveAt: body.effective_at ? new Date(body.effective_at) : undefined },
      });
      return { object: "list" as const, data: prices.map(toBookPrice) };
    },
  }),
  json({
    method: "POST",
    path: "/admin/billing/prices:dry-run",
    permission,
    operation: "estimateCosts",
    summary: "What recorded calls would have cost with other prices or under a plan, by model. Changes nothing.",
    body: z.strictObject({
      from: time,
      to: time.describe("Exclusive; at most 93 days after 'from'."),
      tenant_id: planFields.tenantId.optional().describe("All tenants unless given."),
      prices: pricesInput.optional(),
      plan: planFields.name.optional().describe("A plan to try: its own prices, and its mark-up on all others."),
      markup_ppm: z
        .int()
        .min(minMarkupPpm)
        .max(maxMarkupPpm)
        .optional()
        .describe("A mark-up to try, in millionths, in place of the plan's."),
    }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(estimate) }),
    failures: [billingFailures.plan_not_found],
    async handle(ops, { body }) {
      const estimates = await ops.estimateCosts({
        ...{ tenantId: body.tenant_id, fromMs: Date.parse(body.from), toMs: Date.parse(body.to) },
        ...{ prices: body.prices ?? [], plan: body.plan, markupPpm: body.markup_ppm },
      });
      return { object: "list" as const, data: estimates.map(toEstimate) };
    },
  }),
  json({
    method: "POST",
    path: "/admin/billing/prices:import",
    permission,
    operation: "importPrices",
    stepUp: "with_factors",
    summary:
      "Compares prices with the list of well-known ones, and unless it is a dry run puts what is new or changed.",
    body: z.strictObject({
      provider: name.optional().describe("Only models of this provider; all that have a price unless given."),
      models: z
        .array(name)
        .max(1_000)
        .optional()
        .describe("With a provider: these models, also where they have no price yet."),
      dry_run: z.boolean().default(true).describe("Compares only."),
    }),
    response: z.strictObject({ object: z.literal("list"), source: z.string(), data: z.array(importLine) }),
    async handle(ops, { body: { provider, models, dry_run: isDryRun } }) {
      const wishes = provider === undefined ? undefined : models?.map((model) => ({ provider, model }));
      const lines = await ops.importPrices({ tenantId: "", provider, wishes, isDryRun });
      return { object: "list" as const, source: priceCatalog.source, data: lines.map(toImportLine) };
    },
  }),
];

function toImportLine({
  provider,
  model,
  state,
  direction,
  current,
  proposed,
}: ImportLine): z.input<typeof importLine> {
  return {
    ...{ provider, model, state, direction: direction ?? null },
    current: current ? toBookPrice(current) : null,
    proposed: proposed ? toTermsBody(proposed) : null,
  };
}

function toBookPrice(price: Price): z.input<typeof bookPrice> {
  const { origin, tenantId: owner, isInForce } = price;
  return { ...toPriceBody(price), origin, tenant_id: owner || null, in_force: isInForce };
}

function toEstimate(row: CostEstimate): z.input<typeof estimate> {
  return {
    ...{ provider: row.provider, model: row.model, calls: Number(row.calls) },
    ...{ charged_nanos: row.chargedNanos.toString(), proposed_nanos: row.proposedNanos.toString() },
    ...{ cheaper: Number(row.cheaper), dearer: Number(row.dearer), unchanged: Number(row.unchanged) },
  };
}
