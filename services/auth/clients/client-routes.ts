import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AuthOps } from "../ops.ts";
import { clientFields, clientStatuses, type ServiceClient } from "./client-model.ts";
import type { ClientWithSecret } from "./create-client.ts";

const { json } = routesFor<AuthOps>();

const time = z.iso.datetime();
const params = z.strictObject({ id: z.string().max(64) });
const expiry = z.iso.datetime({ offset: true }).nullable().describe("Null for never.");
const allowedIps = clientFields.allowedIps.describe(
  "Addresses and networks (CIDR) from which tokens are asked for and used; empty for all.",
);
const keys = {
  jwks: clientFields.jwks.optional(),
  jwks_uri: clientFields.jwksUri.optional(),
};
const notHeld = [
  ...[authFailures.permission_not_held, authFailures.model_not_held, authFailures.expiry_not_held],
  ...[authFailures.key_limited, authFailures.client_gives_nothing, authFailures.expiry_in_past],
];

const clientBody = z.strictObject({
  object: z.literal("service_client"),
  id: z.string().describe("The `client_id` of RFC 6749."),
  name: z.string(),
  description: z.string(),
  prefix: z.string().describe("Enough of the current secret to tell secrets apart; empty for one that signs."),
  jwks: clientFields.jwks.nullable().describe("Public keys by which it signs (`private_key_jwt`); null for none."),
  jwks_uri: z.string().nullable().describe("Where such keys are found; null for nowhere."),
  permissions: z.array(z.string()).describe("Held as far as who gave them holds them."),
  models: z.array(z.string()).describe("Models it may use; empty for all."),
  allowed_ips: z.array(z.string()),
  granted_by: z.string().describe("Who gave it its permissions."),
  created_at: time,
  created_by: z.string(),
  updated_at: time,
  expires_at: time.nullable(),
  disabled_at: time.nullable(),
  last_used_at: time.nullable().describe("When it last got a token."),
});
const clientWithSecretBody = clientBody.extend({
  client_secret: z.string().nullable().describe("Shown in this answer only; null for one that signs."),
});

const reading = [
  json({
    method: "GET",
    path: "/api/v1/auth/clients",
    permission: "client:read",
    operation: "listServiceClients",
    summary: "The tenant's service clients, newest first: programs that get access tokens of their own.",
    query: z.strictObject({
      ...pageQueryFields,
      status: z.enum(clientStatuses).optional(),
      name_prefix: z.string().min(1).max(100).optional().describe("How the name begins, whatever the case."),
    }),
    response: pageOf(clientBody),
    async handle(ops, request) {
      const { name_prefix: namePrefix, ...query } = request.query;
      const { tenantId } = requireCaller(request);
      return toPageBody(await ops.listServiceClients({ tenantId, namePrefix, ...query }), toClientBody);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/auth/clients/{id}",
    permission: "client:read",
    operation: "getServiceClient",
    summary: "A service client, without its secret.",
    params,
    response: clientBody,
    failures: [authFailures.client_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toClientBody(await ops.getServiceClient({ tenantId, clientId: request.params.id }));
    },
  }),
];

const making = [
  json({
    method: "POST",
    path: "/api/v1/auth/clients",
    permission: "client:manage",
    operation: "createServiceClient",
    stepUp: "with_factors",
    summary:
      "Makes a service client, which gets access tokens (grant client_credentials) by its secret, or by assertions that it signs where keys are given. It gets no more than its creator holds.",
    body: z.strictObject({
      name: clientFields.name,
      description: clientFields.description.default(""),
      permissions: clientFields.permissions,
      models: clientFields.models.default([]).describe("Empty for all that the creator may use."),
      allowed_ips: allowedIps.default([]),
      expires_at: expiry.default(null),
      ...keys,
    }),
    response: clientWithSecretBody,
    successStatus: 201,
    takesIdempotencyKey: true,
    failures: notHeld,
    async handle(ops, { body, clientAddress, ...request }) {
      const grantor = requireCaller(request);
      const { name, description, permissions, models, allowed_ips, expires_at, jwks, jwks_uri: jwksUri } = body;
      const created = await ops.createServiceClient({
        ...{ tenantId: grantor.tenantId, name, description, permissions, models, grantor, clientAddress },
        ...{ allowedIps: allowed_ips, expiresAt: toDate(expires_at), keys: { jwks, jwksUri } },
      });
      return toSecretBody(created);
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/auth/clients/{id}/rotate",
    permission: "client:manage",
    operation: "rotateServiceClient",
    stepUp: "with_factors",
    summary: "Gives a service client a new secret; tokens that it has stay good.",
    params,
    body: z
      .strictObject({
        grace_seconds: clientFields.graceSeconds.default(0).describe("How long the secret before still gets tokens."),
      })
      .prefault({}),
    response: clientWithSecretBody,
    failures: [
      ...[authFailures.client_not_found, authFailures.client_expired, authFailures.client_has_keys],
      ...notHeld,
    ],
    async handle(ops, { params: { id: clientId }, body, clientAddress, ...request }) {
      const grantor = requireCaller(request);
      const reference = { tenantId: grantor.tenantId, clientId };
      const graceSeconds = body.grace_seconds;
      return toSecretBody(await ops.rotateServiceClient({ ...reference, graceSeconds, grantor, clientAddress }));
    },
  }),
];

const changing = [
  json({
    method: "PATCH",
    path: "/api/v1/auth/clients/{id}",
    permission: "client:manage",
    operation: "updateServiceClient",
    stepUp: "with_factors",
    summary:
      "Changes what is given of a service client, for its tokens, too. Who gives permissions answers for them from then on.",
    params,
    body: z.strictObject({
      name: clientFields.name.optional(),
      description: clientFields.description.optional(),
      permissions: clientFields.permissions.optional(),
      models: clientFields.models.optional().describe("Empty for all that who changes it may use."),
      allowed_ips: allowedIps.optional(),
      expires_at: expiry.optional(),
      ...keys,
      disabled: z.boolean().optional().describe("Whether it gets tokens no more, and those it has are refused."),
    }),
    response: clientBody,
    failures: [authFailures.client_not_found, ...notHeld],
    async handle(ops, { params: { id: clientId }, body, clientAddress, ...request }) {
      const grantor = requireCaller(request);
      const { name, description, permissions, models, allowed_ips, expires_at, disabled } = body;
      const { jwks, jwks_uri: jwksUri } = body;
      const keys = jwks || jwksUri ? { jwks, jwksUri } : undefined;
      const expiresAt = expires_at === undefined ? undefined : toDate(expires_at);
      const changes = { name, description, permissions, models, allowedIps: allowed_ips, expiresAt, keys };
      const reference = { tenantId: grantor.tenantId, clientId };
      const wanted = { ...reference, changes: { ...changes, isDisabled: disabled }, grantor, clientAddress };
      return toClientBody(await ops.updateServiceClient(wanted));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/auth/clients/{id}",
    permission: "client:manage",
    operation: "removeServiceClient",
    summary: "Removes a service client: its tokens are refused on every node.",
    params,
    response: clientBody,
    failures: [authFailures.client_not_found, authFailures.client_gives_nothing],
    async handle(ops, { params: { id: clientId }, clientAddress, ...request }) {
      const { tenantId, userId } = requireCaller(request);
      return toClientBody(await ops.removeServiceClient({ tenantId, clientId, author: { userId, clientAddress } }));
    },
  }),
];

/** What people do with their tenant's service clients. */
export const clientRoutes = withAlias([...making, ...reading, ...changing], "/api/v1", "/v1");

function toClientBody(row: ServiceClient): z.input<typeof clientBody> {
  return {
    ...{ object: "service_client", id: row.clientId, name: row.name, description: row.description },
    ...{ prefix: row.prefix, permissions: [...row.permissions], models: [...row.models] },
    ...{ jwks: row.jwks && { keys: row.jwks.keys.map((key) => ({ ...key })) }, jwks_uri: row.jwksUri },
    ...{ allowed_ips: [...row.allowedIps], granted_by: row.grantedBy, created_by: row.createdBy },
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    expires_at: row.expiresAt?.toISOString() ?? null,
    disabled_at: row.disabledAt?.toISOString() ?? null,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
  };
}

function toSecretBody({ client, secret }: ClientWithSecret): z.input<typeof clientWithSecretBody> {
  return { ...toClientBody(client), client_secret: secret?.reveal() ?? null };
}

function toDate(time: string | null): Date | null {
  return time === null ? null : new Date(time);
}
