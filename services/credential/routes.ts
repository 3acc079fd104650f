import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { type Credential, credentialFields } from "./model.ts";
import type { ReEncryption } from "./ops/re-encrypt.ts";
import type { CredentialOps } from "./ops.ts";

const { json } = routesFor<CredentialOps>();

const params = z.strictObject({ id: z.string().max(64) });

const credential = z.strictObject({
  object: z.literal("credential"),
  id: z.string(),
  name: z.string(),
  version: z.int().describe("1, and one more for each change of secret or origins."),
  fingerprint: z.string().describe("Tells two secrets of the tenant apart, and nothing else about them."),
  last_four: z.string().describe("Empty for a secret of fewer than 16 characters."),
  allowed_origins: z.array(z.string()),
  status: z.enum(["active", "revoked"]),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});

const reEncryption = z.strictObject({
  object: z.literal("credential_re_encryption"),
  retired_keys: z
    .int()
    .describe(
      "Data keys that seal nothing new; each is destroyed ten minutes later, once it has sealed nothing that is left.",
    ),
  secrets_left: z.int().describe("Secrets that are sealed by them."),
});

/** What a tenant does with its own secrets. No route gives one back. */
export const credentialRoutes = [
  json({
    method: "POST",
    path: "/api/v1/credentials",
    permission: "credential:create",
    operation: "createCredential",
    summary: "Stores a provider's secret. The same name with another secret or other origins becomes its next version.",
    body: z.strictObject({
      name: credentialFields.name,
      secret: credentialFields.secret,
      allowed_origins: credentialFields.allowedOrigins.describe("The only addresses the secret is ever sent to."),
    }),
    response: credential,
    successStatus: 201,
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { name, secret, allowed_origins: allowedOrigins } = request.body;
      return toBody(await ops.createCredential({ tenantId, name, secret, allowedOrigins }));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/credentials",
    permission: "credential:read",
    operation: "listCredentials",
    summary: "The tenant's secrets, newest first, as far as they may be shown.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(credential),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toPageBody(await ops.listCredentials({ tenantId, ...request.query }), toBody);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/credentials/{id}",
    permission: "credential:read",
    operation: "getCredential",
    summary: "A secret, as far as it may be shown.",
    params,
    response: credential,
    failures: [credentialFailures.not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toBody(await ops.getCredential({ tenantId, credentialId: request.params.id }));
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/credentials/{id}:rotate",
    permission: "credential:rotate",
    operation: "rotateCredential",
    summary: "Replaces the secret; the old one is destroyed.",
    params,
    body: z.strictObject({ secret: credentialFields.secret }),
    response: credential,
    failures: [credentialFailures.not_found, credentialFailures.revoked],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { secret } = request.body;
      return toBody(await ops.rotateCredential({ tenantId, credentialId: request.params.id, secret }));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/credentials/{id}",
    permission: "credential:delete",
    operation: "revokeCredential",
    summary: "Destroys the secret and frees its name.",
    params,
    response: credential,
    failures: [credentialFailures.not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toBody(await ops.revokeCredential({ tenantId, credentialId: request.params.id }));
    },
  }),
  json({
    method: "POST",
    path: "/admin/credentials/re-encryption",
    permission: "platform:credentials",
    operation: "reEncryptCredentials",
    summary:
      "Gives every tenant a new data key and seals all secrets anew, in the background: they open all the while.",
    body: z.strictObject({}),
    response: reEncryption,
    handle: async (ops) => toReEncryption(await ops.retireDataKeys()),
  }),
  json({
    method: "GET",
    path: "/admin/credentials/re-encryption",
    permission: "platform:credentials",
    operation: "getReEncryption",
    summary: "How many secrets are sealed by data keys that are retired.",
    response: reEncryption,
    handle: async (ops) => toReEncryption(await ops.getReEncryption()),
  }),
];

function toReEncryption({ retiredKeys, secretsLeft }: ReEncryption): z.input<typeof reEncryption> {
  return { object: "credential_re_encryption", retired_keys: retiredKeys, secrets_left: secretsLeft };
}

function toBody(row: Credential): z.input<typeof credential> {
  return {
    object: "credential",
    id: row.credentialId,
    name: row.name,
    version: row.version,
    fingerprint: row.fingerprint,
    last_four: row.lastFour,
    allowed_origins: [...row.allowedOrigins],
    status: row.revokedAt ? "revoked" : "active",
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}
