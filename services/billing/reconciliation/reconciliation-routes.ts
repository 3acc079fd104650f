import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { nanosInput as nanos } from "../amount-inputs.ts";
import type { BillingOps } from "../ops.ts";
import type { CostPrice, ProviderCost } from "../provider-cost/provider-cost.ts";
import { parseReportCsv } from "./parse-csv.ts";
import type { Reconciliation } from "./reconciliation.ts";
import { type Difference, tokensOf } from "./report.ts";

const { json } = routesFor<BillingOps>();

const permission = "platform:billing";
const path = "/admin/billing/reconciliations";
const name = z.string().min(1).max(200);
const states = ["matched", "drift", "unknown"] as const;

const difference = z.strictObject({
  day: z.string(),
  model: z.string(),
  account: z.string().describe("Where the report names exactly one."),
  state: z.enum(states).describe("Unknown where no cost price is known for some of it."),
  reported_nanos: z.string(),
  recorded_nanos: z.string(),
  reported_tokens: z.number(),
  recorded_tokens: z.number(),
  unknown_attempts: z.number(),
  estimated_attempts: z.number(),
});

const reconciliation = z.strictObject({
  object: z.literal("reconciliation"),
  id: z.string(),
  provider: z.string(),
  currency: z.string(),
  state: z.enum(states).describe("`drift` where a day and model is; else `unknown` where one is."),
  from_day: z.string(),
  to_day: z.string(),
  lines: z.number(),
  reported_nanos: z.string(),
  recorded_nanos: z.string(),
  drift_nanos: z.string().describe("What is beyond the tolerance, either way, summed up."),
  corrected_attempts: z.number().describe("Attempts of which the report was taken over."),
  refunded_nanos: z.string().describe("To customers who had paid by an estimate."),
  charged_nanos: z.string().describe("From customers who had paid by an estimate."),
  differences: z.array(difference),
  created_at: z.iso.datetime(),
});

const costPrice = z.strictObject({
  id: z.string(),
  provider: z.string(),
  model: z.string(),
  version: z.number(),
  currency: z.string(),
  input_nanos_per_million: z.string(),
  cached_input_nanos_per_million: z.string(),
  output_nanos_per_million: z.string(),
  created_at: z.iso.datetime(),
});

const providerCost = z.strictObject({
  call_id: z.string(),
  attempt: z.number(),
  provider: z.string(),
  model: z.string(),
  outcome: z.string(),
  charged: z.boolean().describe("False when the customer paid for another attempt of the call instead."),
  estimated: z.boolean().describe("True when only the provider knows what it was, and no report has told yet."),
  input_tokens: z.number(),
  cached_input_tokens: z.number(),
  output_tokens: z.number(),
  cost_nanos: z.string().nullable().describe("Null when it is not known."),
  started_at: z.iso.datetime(),
});

/** What operators see of what providers cost. */
export const reconciliationRoutes = [
  json({
    method: "PUT",
    path: "/admin/billing/cost-prices",
    permission,
    operation: "putCostPrices",
    stepUp: "with_factors",
    summary:
      "Sets at what providers' models cost the platform from now on. Rates that did not change keep their version.",
    body: z.strictObject({
      prices: z
        .array(
          z.strictObject({
            ...{ provider: name, model: name, input_nanos_per_million: nanos },
            ...{ cached_input_nanos_per_million: nanos, output_nanos_per_million: nanos },
          }),
        )
        .min(1)
        .max(1_000),
    }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(costPrice) }),
    async handle(ops, { body }) {
      const prices = body.prices.map(({ provider, model, ...rates }) => ({
        ...{ provider, model },
        rates: {
          input: BigInt(rates.input_nanos_per_million),
          cacheRead: BigInt(rates.cached_input_nanos_per_million),
          output: BigInt(rates.output_nanos_per_million),
        },
      }));
      return { object: "list" as const, data: (await ops.putCostPrices({ prices })).map(toCostPrice) };
    },
  }),
  json({
    method: "GET",
    path: "/admin/billing/cost-prices",
    permission,
    operation: "listCostPrices",
    summary: "At what providers' models cost the platform now.",
    query: z.strictObject({ ...pageQueryFields, provider: name.optional() }),
    response: pageOf(costPrice),
    handle: async (ops, { query: { provider, ...page } }) =>
      toPageBody(await ops.listCostPrices({ provider, ...page }), toCostPrice),
  }),
  json({
    method: "GET",
    path: "/admin/billing/provider-costs",
    permission,
    operation: "listProviderCosts",
    summary: "What each attempt of a call cost the platform.",
    query: z.strictObject({ call_id: name }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(providerCost) }),
    async handle(ops, { query }) {
      const costs = await ops.listProviderCosts({ callId: query.call_id });
      return { object: "list" as const, data: costs.map(toProviderCost) };
    },
  }),
  json({
    method: "POST",
    path,
    permission,
    operation: "reconcileProvider",
    summary: "Compares a provider's usage report with what was recorded, and takes over what only the provider knew.",
    body: z.strictObject({
      provider: name,
      csv: z
        .string()
        .max(4_000_000)
        .describe("With a heading: day, model, cost; account, request_id and tokens if known."),
      tolerance_nanos: nanos.default("10000000").describe("A difference of a day and model is none up to this …"),
      tolerance_ppm: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(5_000)
        .describe("… or up to so many millionths of what is reported."),
    }),
    response: reconciliation,
    successStatus: 201,
    async handle(ops, { body }) {
      const { provider, csv, tolerance_nanos, tolerance_ppm: ppm } = body;
      const tolerance = { nanos: BigInt(tolerance_nanos), ppm };
      return toReconciliation(await ops.reconcileProvider({ provider, lines: parseReportCsv(csv), tolerance }));
    },
  }),
  json({
    method: "GET",
    path,
    permission,
    operation: "listReconciliations",
    summary: "Providers' reports that were compared, newest first.",
    query: z.strictObject({ ...pageQueryFields, provider: name.optional() }),
    response: pageOf(reconciliation),
    handle: async (ops, { query: { provider, ...page } }) =>
      toPageBody(await ops.listReconciliations({ provider, ...page }), toReconciliation),
  }),
  json({
    method: "GET",
    path: `${path}/{id}`,
    permission,
    operation: "getReconciliation",
    summary: "A provider's report beside what was recorded, by day and model.",
    params: z.strictObject({ id: z.string().min(1).max(64) }),
    response: reconciliation,
    failures: [billingFailures.reconciliation_not_found],
    handle: async (ops, { params }) => toReconciliation(await ops.getReconciliation({ reconciliationId: params.id })),
  }),
];

function toCostPrice({ costPriceId, provider, model, version, currency, rates, createdAt }: CostPrice) {
  return {
    ...{ id: costPriceId, provider, model, version, currency },
    input_nanos_per_million: String(rates.input ?? 0n),
    cached_input_nanos_per_million: String(rates.cacheRead ?? 0n),
    output_nanos_per_million: String(rates.output ?? 0n),
    created_at: createdAt.toISOString(),
  };
}

function toProviderCost(cost: ProviderCost): z.input<typeof providerCost> {
  const { callId, attempt, provider, model, outcome, isCharged, isEstimated, costNanos, startedAt } = cost;
  return {
    ...{ call_id: callId, attempt, provider, model, outcome, charged: isCharged, estimated: isEstimated },
    input_tokens: Number(cost.inputTokens),
    cached_input_tokens: Number(cost.cachedInputTokens),
    output_tokens: Number(cost.outputTokens),
    cost_nanos: costNanos?.toString() ?? null,
    started_at: startedAt.toISOString(),
  };
}

function toReconciliation(run: Reconciliation): z.input<typeof reconciliation> {
  const { reconciliationId: id, provider, currency, state, lines } = run;
  return {
    ...{ object: "reconciliation", id, provider, currency, state, lines, from_day: run.fromDay, to_day: run.toDay },
    reported_nanos: run.reportedNanos.toString(),
    recorded_nanos: run.recordedNanos.toString(),
    drift_nanos: run.driftNanos.toString(),
    corrected_attempts: run.correctedAttempts,
    refunded_nanos: run.refundedNanos.toString(),
    charged_nanos: run.chargedNanos.toString(),
    differences: run.differences.map(toDifference),
    created_at: run.createdAt.toISOString(),
  };
}

function toDifference(row: Difference): z.input<typeof difference> {
  const { day, model, account, state } = row;
  return {
    ...{ day, model, account, state },
    reported_nanos: row.costNanos.toString(),
    recorded_nanos: row.recordedNanos.toString(),
    reported_tokens: Number(tokensOf(row)),
    recorded_tokens: Number(tokensOf(row.recordedTokens)),
    unknown_attempts: Number(row.unknownAttempts),
    estimated_attempts: Number(row.estimatedAttempts),
  };
}
