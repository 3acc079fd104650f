import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { callErrors } from "@lyss/contracts/usage/call-errors.ts";
import { scopeFor } from "@lyss/contracts/usage/usage-scope.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { formatNanos, type TagGroup } from "../model.ts";
import type { BillingOps } from "../ops.ts";
import { receiptBody, toReceiptBody } from "./receipt-body.ts";
import { isTagGroup, tagFilter } from "./tag-fields.ts";
import { statuses, toUsageBody, toUsageSum, usageRecord, usageSum } from "./usage-body.ts";
import { sendExport } from "./usage-download.ts";
import type { UsageOrder } from "./usage-store.ts";

const { json, raw } = routesFor<BillingOps>();

const id = z.string().min(1).max(200);
const time = z.iso.datetime({ offset: true });
const groupId = id.optional().describe("Only calls of who is in this group now.");
const milliseconds = z.coerce.number().int().min(0).max(1_000_000_000_000);
const nanos = z
  .string()
  .regex(/^\d{1,18}$/, inBothLanguages("must be a whole number of nano-units", "必须是整数（纳单位）"));
const rowFilters = {
  from: time.optional().describe("The first start."),
  to: time.optional().describe("Exclusive."),
  call_id: id.optional().describe("All attempts of one call."),
  model: id.optional(),
  provider: id.optional(),
  status: z.enum(statuses).optional(),
  error: z.enum(callErrors).optional().describe("What went wrong."),
  streamed: z.enum(["true", "false"]).optional(),
  min_cost_nanos: nanos.optional(),
  max_cost_nanos: nanos.optional(),
  min_latency_ms: milliseconds.optional(),
  max_latency_ms: milliseconds.optional(),
  group_id: groupId,
  tag: tagFilter,
};
const order = {
  sort: z.enum(["time", "cost", "latency"]).default("time"),
  order: z
    .enum(["desc", "asc"])
    .default("desc")
    .describe("Of equal ones the newer, or with asc the older, comes first."),
};
const filters = {
  ...rowFilters,
  key_id: id.optional(),
  user_id: id.optional().describe("Default: all that you may see."),
};
const summaryQuery = {
  from: time
    .optional()
    .describe(
      "Default: before 'to' by minute 1 hour, at most 24; by hour 24, at most 31 days; by day 30, by month 365 days.",
    ),
  to: time.optional().describe("Exclusive. Default: now."),
  unit: z.enum(["minute", "hour", "day", "month"]).default("hour").describe("In UTC, by when calls began."),
  model: id.optional(),
  provider: id.optional(),
  key_id: id.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
  // Its groups may have long names.
  cursor: z.string().max(8_192).optional(),
};
const usageGroups = z.union([
  z.enum(["key", "user", "model", "provider", "group"]),
  z.custom<TagGroup>((name) => typeof name === "string" && isTagGroup(name)),
]);

/** At most four names with commas in between, each once; none of them for the empty text. */
function groupByOf<Name extends string>(name: z.ZodType<Name, string>, names: string) {
  return z
    .string()
    .max(200)
    .transform((text) => (text === "" ? [] : text.split(",")))
    .pipe(
      z
        .array(name)
        .max(4)
        .refine(
          (groups) => new Set(groups).size === groups.length,
          inBothLanguages("must name each group once", "每个分组只能出现一次"),
        ),
    )
    .prefault("")
    .describe(`Up to four of ${names}, with commas in between.`);
}

const exportQuery = z.strictObject({ ...filters, format: z.enum(["csv", "jsonl"]).default("csv") });
const userParams = z.strictObject({ user_id: id });
const callParams = z.strictObject({ call_id: id });
const ownOnly = "One's own; with billing:audit anybody's in the tenant.";

/** What was used, by whom, and what it cost. */
export const usageRoutes = [
  json({
    method: "GET",
    path: "/v1/billing/usage",
    permission: "billing:read",
    operation: "listUsage",
    summary: `Calls, attempt by attempt, newest first or by cost or latency: who called what, how it ended, what it cost. ${ownOnly}`,
    query: z.strictObject({ ...pageQueryFields, ...order, ...filters }),
    response: pageOf(usageRecord),
    async handle(ops, request) {
      const { limit, cursor, ...asked } = request.query;
      const scope = scopeFor(requireCaller(request), { userId: asked.user_id, keyId: asked.key_id });
      const page = { ...toFilter(asked), order: toOrder(asked), limit, cursor };
      return toPageBody(await ops.listUsage({ ...scope, ...page }), toUsageBody);
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/usage/summary",
    permission: "billing:read",
    operation: "listUsageSummary",
    summary: `Calls, errors, tokens, cost and how long calls took by minute, hour, day or month, and by any of key, user, model, provider, group and tags. ${ownOnly}`,
    query: z.strictObject({
      ...summaryQuery,
      user_id: filters.user_id,
      tag: tagFilter,
      group_id: groupId,
      group_by: groupByOf(usageGroups, "key, user, model, provider, group and tag:<key>"),
    }),
    response: pageOf(usageSum),
    async handle(ops, request) {
      const { from, to, key_id: keyId, user_id: userId, group_by: groupBy, tag: tags, ...asked } = request.query;
      const { group_id: groupId, ...query } = asked;
      const scope = scopeFor(requireCaller(request), { userId, keyId });
      const range = { fromMs: toMs(from), toMs: toMs(to), groupBy, tags, groupId, withDurations: true };
      return toPageBody(await ops.listUsageSummary({ ...scope, ...query, ...range }), toUsageSum(groupBy));
    },
  }),
  raw({
    method: "GET",
    path: "/v1/billing/usage/export",
    permission: "billing:read",
    operation: "exportUsage",
    summary: `All usage of a time as CSV (RFC 4180) or JSON lines, oldest first: query as for the list, and format. ${ownOnly}`,
    bodyLimitBytes: 0,
    handle: (ops, exchange) =>
      sendExport(ops, exchange, exportQuery, (asked) => {
        const scope = scopeFor(requireCaller(exchange), { userId: asked.user_id, keyId: asked.key_id });
        return { format: asked.format, filter: { ...scope, ...toFilter(asked) } };
      }),
  }),
  json({
    method: "GET",
    path: "/v1/billing/usage/{call_id}",
    permission: "billing:read",
    operation: "getReceipt",
    summary: `The receipt of a call: attempts, price version, cost lines, and the rule by which it was charged. ${ownOnly}`,
    params: callParams,
    response: receiptBody,
    failures: [billingFailures.usage_not_found],
    async handle(ops, request) {
      const scope = scopeFor(requireCaller(request), {});
      const callId = request.params.call_id;
      const receipt = await ops.getReceipt({ ...scope, callId });
      const refunds = await ops.corrections.listCallRefunds({ tenantId: scope.tenantId, callId });
      return toReceiptBody(receipt, refunds, request.locale);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/billing/usage/{user_id}",
    permission: "billing:read",
    operation: "listUserUsage",
    summary: `A person's calls, attempt by attempt, newest first. ${ownOnly}`,
    params: userParams,
    query: z.strictObject({ ...pageQueryFields, ...order, ...rowFilters, key_id: filters.key_id }),
    response: pageOf(usageRecord),
    async handle(ops, request) {
      const { limit, cursor, ...asked } = request.query;
      const scope = scopeFor(requireCaller(request), { userId: userOf(request), keyId: asked.key_id });
      const page = { ...toFilter(asked), order: toOrder(asked), limit, cursor };
      return toPageBody(await ops.listUsage({ ...scope, ...page }), toUsageBody);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/billing/costs/{user_id}",
    permission: "billing:read",
    operation: "getUserCosts",
    summary: `What a person's calls cost, by minute, hour, day or month and by any of model, key and provider. ${ownOnly}`,
    params: userParams,
    query: z.strictObject({
      ...summaryQuery,
      unit: summaryQuery.unit.unwrap().default("day").describe("In UTC, by when calls began."),
      group_by: groupByOf(z.enum(["model", "key", "provider"]), "model, key and provider").prefault("model"),
    }),
    response: pageOf(usageSum).extend({
      ...{ object: z.literal("costs"), user_id: z.string(), currency: z.string() },
      total_nanos: z.string().describe("Of the whole time, whatever the page."),
      total: z.string().describe("The same in units of the currency."),
    }),
    async handle(ops, request) {
      const { from, to, group_by: groupBy, key_id: keyId, ...query } = request.query;
      const userId = userOf(request);
      const scope = scopeFor(requireCaller(request), { userId, keyId });
      const costs = await ops.getCosts({
        ...scope,
        ...query,
        fromMs: toMs(from),
        toMs: toMs(to),
        groupBy,
        withDurations: true,
      });
      return {
        ...{
          ...toPageBody(costs.page, toUsageSum(groupBy)),
          object: "costs" as const,
          user_id: userId,
          currency: costs.currency,
        },
        ...{ total_nanos: costs.totalNanos.toString(), total: formatNanos(costs.totalNanos) },
      };
    },
  }),
];

/** `me` is the one who asks. */
function userOf(
  request: Parameters<typeof requireCaller>[0] & { readonly params: { readonly user_id: string } },
): string {
  const { user_id: asked } = request.params;
  return asked === "me" ? requireCaller(request).userId : asked;
}

function toFilter(asked: z.output<z.ZodObject<typeof rowFilters>>) {
  const { from, to, model, provider, status: outcome, error, streamed, tag: tags, group_id: groupId } = asked;
  const { call_id: callId } = asked;
  return {
    ...{ callId, model, provider, outcome, error, tags, groupId, fromMs: toMs(from), toMs: toMs(to) },
    isStreamed: streamed === undefined ? undefined : streamed === "true",
    ...{ minCostNanos: toBigInt(asked.min_cost_nanos), maxCostNanos: toBigInt(asked.max_cost_nanos) },
    ...{ minLatencyMs: toBigInt(asked.min_latency_ms), maxLatencyMs: toBigInt(asked.max_latency_ms) },
  };
}

function toOrder({ sort, order: way }: z.output<z.ZodObject<typeof order>>): UsageOrder {
  return { by: sort, isDescending: way === "desc" };
}

function toBigInt(value: string | number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}

function toMs(at: string | undefined): number | undefined {
  return at === undefined ? undefined : Date.parse(at);
}
