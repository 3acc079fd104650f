import { userFailures } from "@lyss/contracts/failures/user.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type HttpMethod, type JsonRequest, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { type User, userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";

const { json } = routesFor<UserOps>();

export const userBody = z.strictObject({
  object: z.literal("user"),
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: userFields.role,
  status: userFields.status,
  tenant_id: z.string(),
  version: z.int().describe("1, and one more for each change; the ETag."),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
const params = z.strictObject({ id: z.string().max(64) });
const changes = z.strictObject({
  name: userFields.name.optional(),
  role: userFields.role
    .optional()
    .describe(
      "Built in, or the tenant's own; never one that holds more than one's own. 'operator' is given by operators only.",
    ),
  status: userFields.status.optional().describe("Only 'active' people sign in."),
});
const changing = [
  userFailures.not_found,
  userFailures.version_mismatch,
  userFailures.role_above_own,
  userFailures.role_unknown,
  userFailures.last_owner,
];

/** Whom the path means, and on whose behalf. */
export function referenceOf(request: Pick<JsonRequest<unknown, unknown, { id: string }>, "caller" | "params">) {
  const { tenantId, userId, keyId, permissions } = requireCaller(request);
  const { id } = request.params;
  return { userId: id === "me" ? userId : id, tenantId, actor: { userId, keyId, permissions } };
}

const update = (method: HttpMethod, operation: string) =>
  json({
    method,
    path: "/api/v1/users/{id}",
    permission: "user:read",
    operation,
    summary: "Changes what is given: one's own name, with user:update also name, role and status of others.",
    params,
    body: changes,
    response: userBody,
    versionOf: ({ version }) => version,
    failures: [...changing, userFailures.own_status],
    async handle(ops, request) {
      const { expectedVersion, clientAddress } = request;
      return toUserBody(
        await ops.updateUser({ ...referenceOf(request), ...request.body, expectedVersion, clientAddress }),
      );
    },
  });

/** Who there is, and changing it. */
export const peopleRoutes = [
  json({
    method: "GET",
    path: "/api/v1/users",
    permission: "user:list",
    operation: "listUsers",
    summary: "The people of the tenant, newest first.",
    query: z.strictObject({
      ...pageQueryFields,
      search: z.string().trim().max(100).optional().describe("Words that are each part of the name or the address."),
      status: userFields.status.optional(),
      role: userFields.role.optional(),
      sort: z
        .enum(["created_at", "-created_at", "name", "-name", "email", "-email"])
        .default("-created_at")
        .describe("'-' before it for the greatest first. A cursor counts for the same sort."),
    }),
    response: pageOf(userBody),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { search, ...query } = request.query;
      return toPageBody(await ops.listUsers({ tenantId, words: wordsOf(search), ...query }), toUserBody);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/users/{id}",
    permission: "user:read",
    operation: "getUser",
    summary: "A person of the tenant; 'me' is the one who asks.",
    params,
    response: userBody,
    versionOf: ({ version }) => version,
    failures: [userFailures.not_found],
    handle: async (ops, request) => toUserBody(await ops.getUser(referenceOf(request))),
  }),
  update("PATCH", "updateUser"),
  update("PUT", "putUser"),
  json({
    method: "DELETE",
    path: "/api/v1/users/{id}",
    permission: "user:read",
    operation: "deleteUser",
    summary:
      "Removes oneself, with user:update anybody whose role is not above one's own, and forgets everything of them but ids.",
    params,
    response: z.strictObject({ object: z.literal("user"), id: z.string(), deleted: z.literal(true) }),
    failures: changing,
    async handle(ops, request) {
      const { clientAddress } = request;
      const { userId } = await ops.deleteUser({ ...referenceOf(request), clientAddress });
      return { object: "user" as const, id: userId, deleted: true as const };
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/users/{id}/erasure",
    permission: "user:update",
    operation: "getErasure",
    summary: "How far it is that everything of somebody who was removed is forgotten, in each service that held some.",
    params,
    response: z.strictObject({
      object: z.literal("user.erasure"),
      id: z.string(),
      state: z.enum(["running", "done"]),
      started_at: z.iso.datetime(),
      parts: z.array(z.strictObject({ service: z.string(), erased_at: z.iso.datetime().nullable() })),
    }),
    failures: [userFailures.not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { userId, isDone, startedAt, parts } = await ops.getErasure({ userId: request.params.id, tenantId });
      return {
        ...{ object: "user.erasure" as const, id: userId, state: isDone ? ("done" as const) : ("running" as const) },
        started_at: startedAt.toISOString(),
        parts: parts.map(({ service, erasedAt }) => ({ service, erased_at: erasedAt?.toISOString() ?? null })),
      };
    },
  }),
];

/** What is searched for, word by word. */
export function wordsOf(search: string | undefined): readonly string[] {
  return search?.split(/\s+/).filter(Boolean) ?? [];
}

export function toUserBody(row: User): z.input<typeof userBody> {
  return {
    object: "user",
    id: row.userId,
    email: row.email,
    name: row.name,
    role: row.role,
    status: row.status,
    tenant_id: row.tenantId,
    version: row.version,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}
