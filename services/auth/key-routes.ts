import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { fromLimitBody, keyBody, keyWithSecretBody, limitFields, toKeyBody, toSecretBody } from "./key-body.ts";
import { unlimited } from "./key-limits.ts";
import { keyFields, keyStatuses, manageKeysPermission } from "./model.ts";
import type { AuthOps } from "./ops.ts";

const { json } = routesFor<AuthOps>();

const params = z.strictObject({ id: z.string().max(64) });
const expiry = z.iso.datetime({ offset: true }).nullable();
const notHeld = [
  authFailures.permission_not_held,
  authFailures.model_not_held,
  authFailures.expiry_not_held,
  authFailures.key_limited,
];
const {
  requests_per_minute: requestsPerMinute,
  max_concurrent_requests: maxConcurrentRequests,
  tokens_per_minute: tokensPerMinute,
  budget,
  allowed_ips: allowedIps,
  allowed_origins: allowedOrigins,
} = limitFields;

const making = [
  json({
    method: "POST",
    path: "/v1/keys",
    permission: "key:create",
    operation: "createKey",
    stepUp: "with_factors",
    summary:
      "Creates an API key, for oneself or, with key:manage, for another person of the tenant. It gets no more than its creator holds.",
    body: z.strictObject({
      name: keyFields.name,
      user_id: z.string().min(1).max(64).optional().describe("Whom it acts for; oneself unless given."),
      description: keyFields.description.default(""),
      permissions: keyFields.permissions.default([]).describe("Empty for model:call, model:list and billing:read."),
      models: keyFields.models.default([]).describe("Empty for all that the creator may use."),
      expires_at: expiry.default(null),
      requests_per_minute: requestsPerMinute.default(null),
      max_concurrent_requests: maxConcurrentRequests.default(null),
      tokens_per_minute: tokensPerMinute.default(null),
      budget: budget.default(null),
      allowed_ips: allowedIps.default([]),
      allowed_origins: allowedOrigins.default([]),
    }),
    response: keyWithSecretBody,
    successStatus: 201,
    takesIdempotencyKey: true,
    failures: [...notHeld, authFailures.expiry_in_past, authFailures.person_not_found],
    async handle(ops, request) {
      const grantor = requireCaller(request);
      const { name, user_id: asked, description, permissions, models, expires_at, ...limits } = request.body;
      const { tenantId, userId: own } = grantor;
      const userId = asked ?? own;
      if (userId !== own) await ops.requirePerson({ tenantId, userId, grantor });
      const key = await ops.createKey({
        ...{ tenantId, userId, name, description, permissions, models, grantor, expiresAt: toDate(expires_at) },
        ...{ limits: { ...unlimited, ...fromLimitBody(limits) }, clientAddress: request.clientAddress },
      });
      return toSecretBody(key);
    },
  }),
  json({
    method: "POST",
    path: "/v1/keys/{id}/rotate",
    permission: "key:rotate",
    operation: "rotateKey",
    stepUp: "with_factors",
    summary: "Gives an API key a new secret.",
    params,
    body: z
      .strictObject({
        grace_seconds: keyFields.graceSeconds.default(0).describe("How long the secret before still works."),
      })
      .prefault({}),
    response: keyWithSecretBody,
    failures: [
      authFailures.key_not_found,
      authFailures.key_inactive,
      authFailures.permission_not_held,
      authFailures.model_not_held,
    ],
    async handle(ops, request) {
      const grantor = requireCaller(request);
      const reference = { ...scopeOf(grantor), keyId: request.params.id };
      const { clientAddress, body } = request;
      const input = { ...reference, graceSeconds: body.grace_seconds, grantor, clientAddress };
      return toSecretBody(await ops.rotateKey(input));
    },
  }),
];

const reading = [
  json({
    method: "GET",
    path: "/v1/keys",
    permission: "key:read",
    operation: "listKeys",
    summary: "API keys, newest first: the tenant's for those who manage keys, for others their own.",
    query: z.strictObject({
      ...pageQueryFields,
      status: z.enum(keyStatuses).optional(),
      user_id: z.string().min(1).max(64).optional().describe("Only keys that act for this person."),
      name_prefix: z.string().min(1).max(100).optional().describe("How the name begins, whatever the case."),
    }),
    response: pageOf(keyBody),
    async handle(ops, request) {
      const { user_id: asked, name_prefix: namePrefix, ...query } = request.query;
      const { tenantId, userId } = scopeOf(requireCaller(request));
      // Of somebody else's keys there are none, as far as others may know.
      if (asked !== undefined && userId !== undefined && asked !== userId) return toPageBody(noKeys, toKeyBody);
      return toPageBody(await ops.listKeys({ tenantId, userId: asked ?? userId, namePrefix, ...query }), toKeyBody);
    },
  }),
  json({
    method: "GET",
    path: "/v1/keys/{id}",
    permission: "key:read",
    operation: "getKey",
    summary: "An API key, without its secret.",
    params,
    response: keyBody,
    failures: [authFailures.key_not_found],
    handle: async (ops, request) =>
      toKeyBody(await ops.getKey({ ...scopeOf(requireCaller(request)), keyId: request.params.id })),
  }),
];

const changing = [
  json({
    method: "PATCH",
    path: "/v1/keys/{id}",
    permission: "key:update",
    operation: "updateKey",
    stepUp: "with_factors",
    summary:
      "Changes what is given of an API key, on every node. What it may do is changed by its creator or who manages keys.",
    params,
    body: z.strictObject({
      name: keyFields.name.optional(),
      description: keyFields.description.optional(),
      permissions: keyFields.permissions.optional().describe("Empty for model:call, model:list and billing:read."),
      models: keyFields.models.optional().describe("Empty for all that who changes it may use."),
      expires_at: expiry.optional().describe("Null for never."),
      requests_per_minute: requestsPerMinute.optional(),
      max_concurrent_requests: maxConcurrentRequests.optional(),
      tokens_per_minute: tokensPerMinute.optional(),
      budget: budget.optional(),
      allowed_ips: allowedIps.optional(),
      allowed_origins: allowedOrigins.optional(),
    }),
    response: keyBody,
    failures: [
      ...[authFailures.key_not_found, authFailures.key_inactive, authFailures.restriction_not_yours],
      ...[...notHeld, authFailures.expiry_in_past],
    ],
    async handle(ops, request) {
      const grantor = requireCaller(request);
      const { name, description, permissions, models, expires_at, ...limits } = request.body;
      const expiresAt = expires_at === undefined ? undefined : toDate(expires_at);
      const changes = { name, description, permissions, models, expiresAt, limits: fromLimitBody(limits) };
      const { clientAddress } = request;
      const reference = { ...scopeOf(grantor), keyId: request.params.id };
      return toKeyBody(await ops.updateKey({ ...reference, changes, grantor, clientAddress }));
    },
  }),
  json({
    method: "DELETE",
    path: "/v1/keys/{id}",
    permission: "key:delete",
    operation: "revokeKey",
    summary: "Revokes an API key: every node refuses it from now on.",
    params,
    response: keyBody,
    failures: [authFailures.key_not_found],
    async handle(ops, request) {
      const caller = requireCaller(request);
      const author = { userId: caller.userId, clientAddress: request.clientAddress };
      return toKeyBody(await ops.revokeKey({ ...scopeOf(caller), keyId: request.params.id, author }));
    },
  }),
];

/** What people do with their API keys. */
export const keyRoutes = withAlias([...making, ...reading, ...changing], "/v1", "/api/v1");

const noKeys = { rows: [], nextCursor: undefined };

/** Which keys the caller reaches. */
function scopeOf({ tenantId, userId, permissions }: Caller) {
  return { tenantId, userId: permits(permissions, manageKeysPermission) ? undefined : userId };
}

function toDate(time: string | null): Date | null {
  return time === null ? null : new Date(time);
}
