import { recordFailures } from "@lyss/contracts/failures/ai-gateway-records.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { readAllUsagePermission } from "@lyss/contracts/usage/usage-scope.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { type Feedback, type FeedbackSum, feedbackGroups, fromScore } from "./feedback/feedback.ts";
import { actorOf } from "./feedback/give-feedback.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const callPath = "/v1/requests/{id}/feedback";
const listPath = "/api/v1/ai/feedback";
const time = z.iso.datetime();
const nameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9_.-]{0,63}$/,
    inBothLanguages(
      "must be a lower-case letter, then up to 63 of a-z, 0-9, '_', '.' and '-'",
      "必须以小写字母开头，后接最多 63 个 a-z、0-9、“_”、“.”或“-”",
    ),
  )
  .describe("What is scored, such as `helpful`: a lower-case letter, then up to 63 of a-z, 0-9, '_', '.' and '-'.");
const authorSchema = z
  .string()
  .max(100)
  .default("")
  .describe("Whom it is given for, as the caller tells its own users apart; empty for the caller.");
const valueSchema = z
  .union([z.number(), z.boolean(), z.string().min(1).max(100)])
  .describe("How much (a number), whether (true or false), or which (a label).");
const params = z.strictObject({
  id: z.string().min(1).max(200).describe("The call: the header lyss-call-id of its answer."),
});
const version = z.int().nullable();

const feedbackBody = z.strictObject({
  object: z.literal("feedback"),
  id: z.string(),
  call_id: z.string(),
  name: z.string(),
  value: z.union([z.number(), z.boolean(), z.string()]),
  comment: z.string(),
  author: z.string(),
  actor_id: z.string().describe("The person, or the key that is nobody's, that has given it."),
  provider: z.string(),
  model: z.string().describe("Which has answered the call, by its name at that provider."),
  route: z.string().nullable().describe("Null for a call of no route, and where that was not known any more."),
  route_version: version,
  prompt: z.string().nullable(),
  prompt_version: version,
  created_at: time,
  updated_at: time,
  expires_at: time,
});

const sumBody = z.strictObject({
  provider: z.string().nullable(),
  model: z.string().nullable(),
  route: z.string().nullable(),
  route_version: version,
  prompt: z.string().nullable(),
  prompt_version: version,
  name: z.string(),
  kind: z.enum(["number", "boolean", "label"]),
  count: z.int(),
  average: z.number().nullable().describe("Of `boolean` the share of those that are true; null for labels."),
  min: z.number().nullable(),
  max: z.number().nullable(),
  labels: z.record(z.string(), z.int()).nullable().describe("How often each was given, the most frequent hundred."),
});

const filterFields = {
  name: nameSchema.optional(),
  model: z.string().min(1).max(200).optional(),
  route: z.string().min(1).max(200).optional(),
  prompt: z.string().min(1).max(200).optional(),
  from: time.optional().describe("The first time at which it was given."),
  to: time.optional().describe("Exclusive."),
};

/** Scores of calls' answers, and what they come to. */
export const feedbackRoutes = [
  json({
    method: "POST",
    path: callPath,
    permission: "model:call",
    operation: "giveFeedback",
    summary:
      "Scores a call by a name, in place of what the caller has given by that name for the same author. Without `billing:audit` of the caller's own calls.",
    params,
    body: z
      .strictObject({
        name: nameSchema,
        value: valueSchema,
        comment: z.string().max(2_000).default(""),
        author: authorSchema,
      })
      .meta({ examples: [{ name: "helpful", value: true, comment: "It knew the order number." }] }),
    response: feedbackBody,
    failures: [billingFailures.usage_not_found, recordFailures.too_much_feedback],
    handle: async (ops, request) =>
      toFeedbackBody(
        await ops.giveFeedback({ caller: requireCaller(request), callId: request.params.id, ...request.body }),
      ),
  }),
  json({
    method: "GET",
    path: callPath,
    permission: "model:call",
    operation: "listCallFeedback",
    summary: "The scores of a call, the newest first. Without `billing:audit` those that the caller has given.",
    params,
    query: z.strictObject(pageQueryFields),
    response: pageOf(feedbackBody),
    failures: [billingFailures.usage_not_found],
    async handle(ops, { params: { id: callId }, query, ...request }) {
      const caller = requireCaller(request);
      const asked = { ...query, ...whoseOf(caller), caller, callId };
      return toPageBody(await ops.listCallFeedback(asked), toFeedbackBody);
    },
  }),
  json({
    method: "DELETE",
    path: `${callPath}/{name}`,
    permission: "model:call",
    operation: "removeFeedback",
    summary: "Takes back a score that the caller has given.",
    params: params.extend({ name: nameSchema }),
    query: z.strictObject({ author: authorSchema }),
    response: z.strictObject({ object: z.literal("feedback"), name: z.string(), deleted: z.literal(true) }),
    failures: [recordFailures.feedback_not_found],
    async handle(ops, { params: { id: callId, name }, query: { author }, ...request }) {
      await ops.removeFeedback({ caller: requireCaller(request), callId, name, author });
      return { object: "feedback" as const, name, deleted: true as const };
    },
  }),
  json({
    method: "GET",
    path: listPath,
    permission: "model:call",
    operation: "listFeedback",
    summary: "Scores of calls, the newest first. Without `billing:audit` those that the caller has given.",
    query: z.strictObject({ ...pageQueryFields, ...filterFields }),
    response: pageOf(feedbackBody),
    async handle(ops, { query, ...request }) {
      const filter = { ...query, ...toSpan(query), ...whoseOf(requireCaller(request)) };
      return toPageBody(await ops.listFeedback(filter), toFeedbackBody);
    },
  }),
  json({
    method: "GET",
    path: `${listPath}/summary`,
    permission: "model:call",
    operation: "sumFeedback",
    summary:
      "What the scores come to, each name by itself, of calls of the same model, route and its version, prompt and its version, or arm (route, version and model). Without `billing:audit` those that the caller has given.",
    query: z.strictObject({ by: z.enum(feedbackGroups).default("model"), ...filterFields }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(sumBody) }),
    async handle(ops, { query, ...request }) {
      const sums = await ops.sumFeedback({ ...query, ...toSpan(query), ...whoseOf(requireCaller(request)) });
      return { object: "list" as const, data: sums.map(toSumBody) };
    },
  }),
];

function whoseOf(caller: Caller): { readonly tenantId: string; readonly actorId: string | undefined } {
  const seesAll = permits(caller.permissions, readAllUsagePermission);
  return { tenantId: caller.tenantId, actorId: seesAll ? undefined : actorOf(caller) };
}

function toSpan({ from, to }: { readonly from?: string | undefined; readonly to?: string | undefined }) {
  return { from: from === undefined ? undefined : new Date(from), to: to === undefined ? undefined : new Date(to) };
}

function toFeedbackBody(it: Feedback): z.input<typeof feedbackBody> {
  return {
    ...{ object: "feedback", id: it.feedbackId, call_id: it.callId, name: it.name, value: fromScore(it) },
    ...{ comment: it.comment, author: it.author, actor_id: it.actorId, provider: it.provider, model: it.model },
    ...{ route: it.route || null, route_version: it.routeVersion },
    ...{ prompt: it.prompt || null, prompt_version: it.promptVersion },
    ...{ created_at: it.createdAt.toISOString(), updated_at: it.updatedAt.toISOString() },
    expires_at: it.expiresAt.toISOString(),
  };
}

function toSumBody(it: FeedbackSum): z.input<typeof sumBody> {
  return {
    ...{ provider: it.provider, model: it.model, route: it.route || null, route_version: it.routeVersion },
    ...{ prompt: it.prompt || null, prompt_version: it.promptVersion, name: it.name, kind: it.kind, count: it.count },
    ...{ average: it.average, min: it.least, max: it.most, labels: it.labels },
  };
}
