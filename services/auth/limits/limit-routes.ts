import { manageGroupsPermission } from "@lyss/contracts/access/group-roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type JsonRequest, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { keyFields, manageKeysPermission } from "../model.ts";
import type { AuthOps } from "../ops.ts";
import type { LimitSubject, SubjectLimits } from "./subject-limits.ts";

const { json } = routesFor<AuthOps>();

const params = z.strictObject({ id: z.string().max(64) });
const counted = "with API keys, and by people signed in where they call models; null for no limit.";
const edgeFields = {
  requests_per_minute: keyFields.requestsPerMinute.nullable().describe(`Requests ${counted}`),
  max_concurrent_requests: keyFields.maxConcurrentRequests.nullable().describe(`Requests under way at once ${counted}`),
};
const groupFields = {
  ...edgeFields,
  tokens_per_minute: keyFields.tokensPerMinute
    .nullable()
    .describe(
      "Input and output of model calls in a minute of the clock, held as a budget of the group; null for no limit.",
    ),
};
const groupLimits = z.strictObject({
  object: z.literal("group.limits"),
  group_id: z.string(),
  ...groupFields,
});
const userLimits = z.strictObject({ object: z.literal("user.limits"), user_id: z.string(), ...edgeFields });

const ofGroups = [
  json({
    method: "GET",
    path: "/api/v1/groups/{id}/limits",
    permission: "group:read",
    operation: "getGroupLimits",
    summary: "How much all members of a group together may use.",
    params,
    response: groupLimits,
    failures: [authFailures.group_not_found],
    async handle(ops, request) {
      return toGroupBody(request.params.id, await ops.getLimits(askedBy(request, "group")));
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/groups/{id}/limits",
    permission: manageGroupsPermission,
    operation: "changeGroupLimits",
    summary:
      "Changes what is given of a group's limits: every member's calls count, and every node follows within a second.",
    params,
    body: z.strictObject(groupFields).partial(),
    response: groupLimits,
    failures: [authFailures.group_not_found, groupFailures.archived],
    async handle(ops, request) {
      const { tokens_per_minute: tokensPerMinute, ...edge } = request.body;
      const changes = { ...toChanges(edge), ...(tokensPerMinute !== undefined && { tokensPerMinute }) };
      return toGroupBody(request.params.id, await ops.changeLimits({ ...changedBy(request, "group"), changes }));
    },
  }),
];

const ofPeople = [
  json({
    method: "GET",
    path: "/api/v1/users/{id}/limits",
    permission: "user:read",
    operation: "getUserLimits",
    summary: "How much a person may use, over all keys and sessions: one's own, with key:manage everybody's.",
    params,
    response: userLimits,
    failures: [authFailures.person_not_found],
    async handle(ops, request) {
      const asked = askedBy(request, "user");
      return toUserBody(asked.subjectId, await ops.getLimits(asked));
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/users/{id}/limits",
    permission: manageKeysPermission,
    operation: "changeUserLimits",
    summary: "Changes what is given of a person's limits, on every node within a second. Tokens and money are quotas.",
    params,
    body: z.strictObject(edgeFields).partial(),
    response: userLimits,
    failures: [authFailures.person_not_found],
    async handle(ops, request) {
      const changed = changedBy(request, "user");
      return toUserBody(changed.subjectId, await ops.changeLimits({ ...changed, changes: toChanges(request.body) }));
    },
  }),
];

/** Limits of groups and people, beside those of keys. */
export const limitRoutes = [...ofGroups, ...ofPeople];

type Request = Pick<JsonRequest<unknown, unknown, { id: string }>, "caller" | "params" | "clientAddress">;

/** Whose limits; 'me' is the caller. */
function referenceOf(request: Request, subject: LimitSubject) {
  const { tenantId, userId } = requireCaller(request);
  const { id } = request.params;
  return { tenantId, subject, subjectId: subject === "user" && id === "me" ? userId : id };
}

function askedBy(request: Request, subject: LimitSubject) {
  const { userId, permissions } = requireCaller(request);
  return { ...referenceOf(request, subject), asker: { userId, permissions } };
}

function changedBy(request: Request, subject: LimitSubject) {
  const { userId } = requireCaller(request);
  return { ...referenceOf(request, subject), author: { userId, clientAddress: request.clientAddress } };
}

type EdgeBody = { readonly [Name in keyof typeof edgeFields]?: number | null | undefined };

function toChanges(body: EdgeBody): Partial<SubjectLimits> {
  const { requests_per_minute: requestsPerMinute, max_concurrent_requests: maxConcurrentRequests } = body;
  return {
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...(maxConcurrentRequests !== undefined && { maxConcurrentRequests }),
  };
}

function toEdgeBody({ requestsPerMinute, maxConcurrentRequests }: SubjectLimits) {
  return { requests_per_minute: requestsPerMinute, max_concurrent_requests: maxConcurrentRequests };
}

function toGroupBody(groupId: string, limits: SubjectLimits): z.input<typeof groupLimits> {
  const tokens = { tokens_per_minute: limits.tokensPerMinute };
  return { object: "group.limits", group_id: groupId, ...toEdgeBody(limits), ...tokens };
}

function toUserBody(userId: string, limits: SubjectLimits): z.input<typeof userLimits> {
  return { object: "user.limits", user_id: userId, ...toEdgeBody(limits) };
}
