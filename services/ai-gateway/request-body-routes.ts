import { recordFailures } from "@lyss/contracts/failures/ai-gateway-records.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AiGatewayOps } from "./ops.ts";
import type { KeptBody } from "./request-bodies/body-log.ts";
import { bodyPolicySchema } from "./request-bodies/body-policy.ts";
import type { BodyPolicyReport, OpenedBody } from "./request-bodies/request-bodies.ts";
import type { BodyFacts } from "./request-bodies/request-body.ts";

const { json } = routesFor<AiGatewayOps>();

const listPath = "/api/v1/ai/request-bodies";
const policyPath = `${listPath}/policy`;
const onePath = "/v1/requests/{id}/bodies";
const time = z.iso.datetime();

const policyInput = bodyPolicySchema.meta({
  examples: [{ models: ["gpt-4o*"], sample_ratio: 0.1, retention_days: 7 }],
});
const policyBody = z.strictObject({
  object: z.literal("request_body_policy"),
  policy: bodyPolicySchema,
  allowed: z
    .boolean()
    .describe(
      "False while the tenant's data policy (`/api/v1/tenants/{id}/data-policy`) has no `store_bodies`: nothing is kept then.",
    ),
  calls: z.int().describe("Of which something is kept now."),
  bytes: z.int().describe("What it takes, compressed."),
  dropped: z
    .int()
    .describe(
      "Calls that the node which answers should have kept and has not, since it began: no room, no time to redact, or no database.",
    ),
  version: z.int().describe("1, and one more for each change."),
  updated_at: time,
});
const factFields = {
  id: z.string().describe("The call: the header lyss-call-id of its answer."),
  model: z.string().describe("As its caller wrote it."),
  surface: z.string().describe("What was asked for, such as `chat` or `messages`."),
  key_id: z.string(),
  user_id: z.string().describe("Empty for a key that belongs to no person."),
  complete: z.boolean().describe("False for an answer that broke off, or did not come."),
  truncated: z.boolean().describe("Request or answer was longer than the policy's `max_bytes`."),
  started_at: time,
  expires_at: time,
};
const entryBody = z.strictObject({ object: z.literal("request_body_entry"), ...factFields });
const keptBody = z.strictObject({
  bytes: z.int().describe("Of all of it, after redaction."),
  truncated: z.boolean(),
  content: z
    .unknown()
    .describe("As JSON, in the dialect of the call, a stream put together; of one that was cut the first characters."),
});
const openedBody = z.strictObject({
  object: z.literal("request_bodies"),
  ...factFields,
  request: keptBody,
  answer: keptBody.nullable().describe("Null where none came."),
});
const params = z.strictObject({
  id: z.string().min(1).max(200).describe("The call: the header lyss-call-id of its answer."),
});
const notKept = [recordFailures.request_body_policy_not_found];
const notFound = [recordFailures.request_body_not_found];

/** What is said in calls, kept where their tenant wishes it. */
export const requestBodyRoutes = [
  json({
    method: "GET",
    path: policyPath,
    permission: "request_body:read",
    operation: "getRequestBodyPolicy",
    summary: "Of which calls requests and answers are kept, for how long, and how much that is now.",
    response: policyBody,
    failures: notKept,
    handle: async (ops, request) => toPolicyBody(await ops.getBodyPolicy(requireCaller(request).tenantId)),
  }),
  json({
    method: "PUT",
    path: policyPath,
    permission: "request_body:update",
    operation: "putRequestBodyPolicy",
    summary:
      "Keeps requests and answers of the tenant's calls, redacted and sealed, or changes which, as far as its data policy allows; it counts on every node within two seconds.",
    body: policyInput,
    response: policyBody,
    handle: async (ops, { body, ...request }) =>
      toPolicyBody(await ops.putBodyPolicy(requireCaller(request).tenantId, body)),
  }),
  json({
    method: "DELETE",
    path: policyPath,
    permission: "request_body:update",
    operation: "removeRequestBodyPolicy",
    summary: "Keeps nothing more. What is there stays until its time is over or it is purged.",
    response: z.strictObject({ object: z.literal("request_body_policy"), deleted: z.literal(true) }),
    failures: notKept,
    async handle(ops, request) {
      await ops.removeBodyPolicy(requireCaller(request).tenantId);
      return { object: "request_body_policy" as const, deleted: true as const };
    },
  }),
  json({
    method: "POST",
    path: `${listPath}:purge`,
    permission: "request_body:delete",
    operation: "purgeRequestBodies",
    summary: "Forgets all that is kept: the key that opens it is destroyed at once, the rows go within a minute.",
    response: z.strictObject({ object: z.literal("request_body_purge"), purged_calls: z.int() }),
    async handle(ops, request) {
      const purged = await ops.purgeBodies(requireCaller(request).tenantId);
      return { object: "request_body_purge" as const, purged_calls: purged };
    },
  }),
  json({
    method: "GET",
    path: listPath,
    permission: "request_body:read",
    operation: "listRequestBodies",
    summary: "The calls of which something is kept, the newest first, without what was said.",
    query: z.strictObject({
      ...pageQueryFields,
      model: z.string().min(1).max(200).optional().describe("Only calls of this model, as their callers wrote it."),
      key_id: z.string().min(1).max(100).optional(),
      user_id: z.string().min(1).max(100).optional(),
      from: time.optional().describe("The first start."),
      to: time.optional().describe("Exclusive."),
    }),
    response: pageOf(entryBody),
    async handle(ops, { query, ...request }) {
      const { limit, cursor, model, key_id: keyId, user_id: userId, from, to } = query;
      const { tenantId } = requireCaller(request);
      const span = {
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
      };
      return toPageBody(await ops.listBodies({ tenantId, limit, cursor, model, keyId, userId, ...span }), (facts) => ({
        object: "request_body_entry" as const,
        ...toFacts(facts),
      }));
    },
  }),
  json({
    method: "GET",
    path: onePath,
    permission: "request_body:read",
    operation: "getRequestBodies",
    summary: "What was said in a call, if it is kept. Each reading is an entry of the audit log.",
    params,
    response: openedBody,
    failures: notFound,
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toOpenedBody(await ops.readBody({ tenantId, callId: request.params.id }));
    },
  }),
  json({
    method: "DELETE",
    path: onePath,
    permission: "request_body:delete",
    operation: "removeRequestBodies",
    summary: "Removes what is kept of a call.",
    params,
    response: z.strictObject({ object: z.literal("request_bodies"), id: z.string(), deleted: z.literal(true) }),
    failures: notFound,
    async handle(ops, request) {
      const { id } = request.params;
      await ops.removeBody({ tenantId: requireCaller(request).tenantId, callId: id });
      return { object: "request_bodies" as const, id, deleted: true as const };
    },
  }),
];

function toPolicyBody({ policy, calls, bytes, dropped }: BodyPolicyReport): z.input<typeof policyBody> {
  const { spec, version, updatedAt, isAllowed } = policy;
  return {
    ...{ object: "request_body_policy", policy: spec, allowed: isAllowed, calls, bytes, dropped },
    ...{ version, updated_at: updatedAt.toISOString() },
  };
}

function toFacts(facts: BodyFacts) {
  const { callId, model, surface, keyId, userId, isComplete, isTruncated, startedAt, expiresAt } = facts;
  return {
    ...{ id: callId, model, surface, key_id: keyId, user_id: userId, complete: isComplete, truncated: isTruncated },
    ...{ started_at: startedAt.toISOString(), expires_at: expiresAt.toISOString() },
  };
}

function toOpenedBody(opened: OpenedBody): z.input<typeof openedBody> {
  const { request, answer } = opened;
  return {
    object: "request_bodies",
    ...toFacts(opened),
    request: toKept(request),
    answer: answer && toKept(answer),
  };
}

function toKept({ bytes, isTruncated, content }: KeptBody): z.input<typeof keptBody> {
  return { bytes, truncated: isTruncated, content };
}
