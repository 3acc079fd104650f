import { scopeFor } from "@lyss/contracts/usage/usage-scope.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { BillingOps } from "../ops.ts";
import type { Compared, Range } from "./get-usage-totals.ts";
import { toFigures, usageFigures } from "./usage-body.ts";

const { json } = routesFor<BillingOps>();

const id = z.string().min(1).max(200);
const time = z.iso.datetime({ offset: true });
const compared = z.strictObject({
  current: usageFigures,
  compared: usageFigures.nullable().describe("Of the other time; null where nothing is compared with."),
});
const range = z.strictObject({ from: z.iso.datetime(), to: z.iso.datetime().describe("Exclusive.") });

/** What a time came to, beside another. */
export const totalsRoutes = [
  json({
    method: "GET",
    path: "/v1/billing/usage/totals",
    permission: "billing:read",
    operation: "getUsageTotals",
    summary:
      "What calls of a time came to and how they went, in all and by one of model, key, user, group and provider, beside a time of the same length. One's own; with billing:audit anybody's in the tenant.",
    query: z.strictObject({
      from: time.optional().describe("Default: a day before 'to'; at most 366 days. With its minute or hour."),
      to: time.optional().describe("Exclusive. Default: now. With its minute or hour."),
      compare_from: z
        .union([z.literal("previous"), time])
        .optional()
        .describe("Where the other time begins; 'previous' for the one that ends where this one begins."),
      group_by: z.enum(["model", "key", "user", "group", "provider"]).optional(),
      sort: z.enum(["cost", "calls", "errors"]).default("cost").describe("Groups with the most of it come first."),
      limit: z.coerce.number().int().min(1).max(100).default(20).describe("How many groups."),
      ...{ model: id.optional(), provider: id.optional(), key_id: id.optional(), user_id: id.optional() },
      group_id: id.optional().describe("Only calls of who is in this group now."),
    }),
    response: z.strictObject({
      object: z.literal("usage_totals"),
      unit: z
        .enum(["minute", "hour"])
        .describe("Both times are made of whole ones: hours where minutes are no longer kept."),
      current: range,
      compared: range.nullable(),
      total: compared,
      data: z
        .array(compared.extend({ name: z.string().describe("Empty for what has none.") }))
        .describe("Who is in several groups counts in each."),
      has_more: z.boolean(),
    }),
    async handle(ops, request) {
      const { from, to, compare_from: compareFrom, group_by: groupBy, ...asked } = request.query;
      const { sort, limit, model, provider, group_id: groupId } = asked;
      const scope = scopeFor(requireCaller(request), { userId: asked.user_id, keyId: asked.key_id });
      const totals = await ops.getUsageTotals({
        ...{ ...scope, model, provider, groupId, groupBy, sort, limit, fromMs: toMs(from), toMs: toMs(to) },
        compareFromMs: compareFrom === "previous" ? compareFrom : toMs(compareFrom),
      });
      return {
        ...{ object: "usage_totals" as const, unit: totals.unit, has_more: totals.hasMore },
        current: toRange(totals.current),
        compared: totals.compared ? toRange(totals.compared) : null,
        total: toCompared(totals.total),
        data: totals.groups.map((group) => ({ name: group.name, ...toCompared(group) })),
      };
    },
  }),
];

function toRange({ from, to }: Range) {
  return { from: from.toISOString(), to: to.toISOString() };
}

function toCompared(both: Compared) {
  return { current: toFigures(both.current), compared: both.compared ? toFigures(both.compared) : null };
}

function toMs(at: string | undefined): number | undefined {
  return at === undefined ? undefined : Date.parse(at);
}
