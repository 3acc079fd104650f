import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { type Key, keyFields, manageKeysPermission } from "./model.ts";
import type { KeyWithSecret } from "./ops/create-key.ts";
import type { AuthOps } from "./ops.ts";

const { json } = routesFor<AuthOps>();

const params = z.strictObject({ id: z.string().max(64) });
const time = z.iso.datetime();

const key = z.strictObject({
  object: z.literal("key"),
  id: z.string(),
  name: z.string(),
  prefix: z.string().describe("Enough of the current secret to tell keys apart."),
  user_id: z.string().describe("The person the key acts for."),
  permissions: z.array(z.string()),
  models: z.array(z.string()).describe("Models it may use; empty for all."),
  created_at: time,
  created_by: z.string(),
  expires_at: time.nullable(),
  last_used_at: time.nullable().describe("Up to a minute old."),
  revoked_at: time.nullable(),
});
const keyWithSecret = key.extend({ secret: z.string().describe("Shown in this answer only.") });

const keyRoutes = [
  json({
    method: "POST",
    path: "/v1/keys",
    permission: "key:create",
    operation: "createKey",
    summary: "Creates an API key. It gets no more than its creator holds.",
    body: z.strictObject({
      name: keyFields.name,
      permissions: keyFields.permissions.default([]).describe("Empty for model:call, model:list and billing:read."),
      models: keyFields.models.default([]).describe("Empty for all that the creator may use."),
      expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
    }),
    response: keyWithSecret,
    successStatus: 201,
    takesIdempotencyKey: true,
    failures: [authFailures.permission_not_held, authFailures.model_not_held, authFailures.expiry_in_past],
    async handle(ops, request) {
      const grantor = requireCaller(request);
      const { name, permissions, models, expires_at } = request.body;
      const expiresAt = expires_at === null ? null : new Date(expires_at);
      const { tenantId, userId } = grantor;
      const { clientAddress } = request;
      const input = { tenantId, userId, name, permissions, models, expiresAt, grantor, clientAddress };
      return toSecretBody(await ops.createKey(input));
    },
  }),
  json({
    method: "GET",
    path: "/v1/keys",
    permission: "key:read",
    operation: "listKeys",
    summary: "API keys, newest first: the tenant's for those who manage keys, for others their own.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(key),
    handle: async (ops, request) =>
      toPageBody(await ops.listKeys({ ...scopeOf(requireCaller(request)), ...request.query }), toBody),
  }),
  json({
    method: "GET",
    path: "/v1/keys/{id}",
    permission: "key:read",
    operation: "getKey",
    summary: "An API key, without its secret.",
    params,
    response: key,
    failures: [authFailures.key_not_found],
    handle: async (ops, request) =>
      toBody(await ops.getKey({ ...scopeOf(requireCaller(request)), keyId: request.params.id })),
  }),
  json({
    method: "DELETE",
    path: "/v1/keys/{id}",
    permission: "key:delete",
    operation: "revokeKey",
    summary: "Revokes an API key: every node refuses it from now on.",
    params,
    response: key,
    failures: [authFailures.key_not_found],
    async handle(ops, request) {
      const caller = requireCaller(request);
      const author = { userId: caller.userId, clientAddress: request.clientAddress };
      return toBody(await ops.revokeKey({ ...scopeOf(caller), keyId: request.params.id, author }));
    },
  }),
  json({
    method: "POST",
    path: "/v1/keys/{id}/rotate",
    permission: "key:rotate",
    operation: "rotateKey",
    summary: "Gives an API key a new secret.",
    params,
    body: z
      .strictObject({
        grace_seconds: keyFields.graceSeconds.default(0).describe("How long the secret before still works."),
      })
      .prefault({}),
    response: keyWithSecret,
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

/** The public keys of access tokens, and what people do with their API keys. */
export const authRoutes = [
  json({
    method: "GET",
    path: "/.well-known/jwks.json",
    permission: "public",
    operation: "getJwks",
    summary: "The public keys that verify access tokens (RFC 7517).",
    response: z.strictObject({
      keys: z.array(
        z.strictObject({
          kty: z.literal("OKP"),
          crv: z.literal("Ed25519"),
          alg: z.literal("EdDSA"),
          use: z.literal("sig"),
          kid: z.string(),
          x: z.string(),
        }),
      ),
    }),
    handle: (ops) => ({ keys: [...ops.getJwks().keys] }),
  }),
  ...withAlias(keyRoutes, "/v1", "/api/v1"),
];

/** Which keys the caller reaches. */
function scopeOf({ tenantId, userId, permissions }: Caller) {
  return { tenantId, userId: permits(permissions, manageKeysPermission) ? undefined : userId };
}

function toBody(row: Key): z.input<typeof key> {
  return {
    object: "key",
    id: row.keyId,
    name: row.name,
    prefix: row.prefix,
    user_id: row.userId,
    permissions: [...row.permissions],
    models: [...row.models],
    created_at: row.createdAt.toISOString(),
    created_by: row.createdBy,
    expires_at: row.expiresAt?.toISOString() ?? null,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}

function toSecretBody({ key: row, secret }: KeyWithSecret): z.input<typeof keyWithSecret> {
  return { ...toBody(row), secret: secret.reveal() };
}
