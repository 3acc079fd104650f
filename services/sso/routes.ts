import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { connectionBody, defaultClaims, ruleFields, toConnectionBody, toRules } from "./bodies.ts";
import { connectionFields } from "./model.ts";
import type { SsoOps } from "./ops.ts";

const { json } = routesFor<SsoOps>();

const params = z.strictObject({ id: z.string().max(64) });
const { name, issuer, clientId, clientSecret, scopes, entityId, ssoUrl, certificates, metadata, metadataUrl } =
  connectionFields;
const partyFields = {
  issuer: issuer.describe("The provider's issuer; what it says of itself is read from there."),
  client_id: clientId,
  client_secret: clientSecret.describe("Shown by no answer."),
  scopes: scopes.describe("Asked for besides openid."),
};
const samlFields = {
  entity_id: entityId.describe("What the SAML provider calls itself."),
  sso_url: ssoUrl.describe("Where browsers are sent with a request (HTTP-Redirect)."),
  certificates: certificates.describe("Of the keys that may sign; up to three, so that keys can change."),
  metadata: metadata.describe("The provider's metadata document (XML): tells what is not given by itself."),
  metadata_url: metadataUrl.describe("Where the document is; it is read once, now."),
};
const { enabled, ...commonFields } = {
  name,
  enabled: z.boolean(),
  domains: ruleFields.domains.default([]),
  enforced: ruleFields.enforced.default(false),
  create_people: ruleFields.create_people.default(false),
  default_role: ruleFields.default_role.default(null),
  allowed_domains: ruleFields.allowed_domains.default([]),
  claims: ruleFields.claims.default({}),
  group_mapping: ruleFields.group_mapping.default([]),
  role_mapping: ruleFields.role_mapping.default([]),
};
const newConnection = z.discriminatedUnion("kind", [
  z.strictObject({
    ...{ kind: z.literal("oidc"), ...commonFields, enabled: enabled.default(true), ...partyFields },
    client_secret: partyFields.client_secret.optional(),
    scopes: partyFields.scopes.default(["email", "profile"]),
  }),
  z.strictObject({
    ...{ kind: z.literal("saml"), ...commonFields, enabled: enabled.default(true) },
    ...z.strictObject(samlFields).partial().shape,
  }),
]);
const versionOf = (body: { readonly version: number }) => body.version;
const changeFailures = [
  ssoFailures.name_taken,
  ssoFailures.domain_taken,
  ssoFailures.address_refused,
  ssoFailures.field_refused,
  ssoFailures.group_unknown,
  ssoFailures.group_above_own,
  authFailures.role_unknown,
  authFailures.role_above_own,
];
const finding = z.strictObject({
  check: z.enum(["metadata", "keys", "certificates", "signature", "pkce", "logout"]),
  result: z.enum(["ok", "warning", "failed"]),
  message: z.string(),
});

/** How a tenant's administrators set up sign-on from elsewhere. */
export const connectionRoutes = [
  json({
    method: "POST",
    path: "/api/v1/sso/connections",
    permission: "sso:manage",
    operation: "createSsoConnection",
    stepUp: "with_factors",
    summary: "Sets up an OpenID or SAML provider by which people of the tenant sign in.",
    body: newConnection,
    response: connectionBody,
    successStatus: 201,
    versionOf,
    failures: [...changeFailures, ssoFailures.too_many_connections],
    async handle(ops, request) {
      const { body } = request;
      const { tenantId, author, held } = authorOf(request);
      const { domains, enforced: isEnforced, create_people: mayCreate, default_role: defaultRole } = body;
      const { claims = defaultClaims, groupMapping = [], roleMapping = [] } = toRules(body);
      const rules = { domains, isEnforced, mayCreate, defaultRole, claims, groupMapping, roleMapping };
      const created = await ops.createConnection({
        ...{ tenantId, name: body.name, isEnabled: body.enabled, author, held },
        secret: body.kind === "oidc" ? body.client_secret : undefined,
        party:
          body.kind === "oidc"
            ? { kind: body.kind, issuer: body.issuer, clientId: body.client_id, scopes: body.scopes }
            : { kind: body.kind, ...toSamlSource(body) },
        rules: { ...rules, allowedDomains: body.allowed_domains },
      });
      return toConnectionBody(created, ops.publicUrl);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/connections",
    permission: "sso:manage",
    operation: "listSsoConnections",
    summary: "The tenant's sign-on connections, newest first.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(connectionBody),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const page = await ops.listConnections({ tenantId, ...request.query });
      return toPageBody(page, (row) => toConnectionBody(row, ops.publicUrl));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/connections/{id}",
    permission: "sso:manage",
    operation: "getSsoConnection",
    summary: "A sign-on connection, without its secret.",
    params,
    response: connectionBody,
    versionOf,
    failures: [ssoFailures.connection_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toConnectionBody(await ops.getConnection({ tenantId, connectionId: request.params.id }), ops.publicUrl);
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/sso/connections/{id}",
    permission: "sso:manage",
    operation: "updateSsoConnection",
    stepUp: "with_factors",
    summary: "Changes what is given of a sign-on connection.",
    params,
    body: z.strictObject({ name, enabled, ...partyFields, ...samlFields, ...ruleFields }).partial(),
    response: connectionBody,
    versionOf,
    failures: [ssoFailures.connection_not_found, ssoFailures.version_mismatch, ...changeFailures],
    async handle(ops, request) {
      const { body, expectedVersion, params: named } = request;
      const updated = await ops.updateConnection({
        ...{ ...authorOf(request), connectionId: named.id, expectedVersion, secret: body.client_secret },
        ...{ name: body.name, isEnabled: body.enabled, rules: toRules(body) },
        party: {
          oidc: { issuer: body.issuer, clientId: body.client_id, scopes: body.scopes },
          saml: toSamlSource(body),
        },
      });
      return toConnectionBody(updated, ops.publicUrl);
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/sso/connections/{id}",
    permission: "sso:manage",
    operation: "deleteSsoConnection",
    stepUp: "with_factors",
    summary: "Removes a sign-on connection; its people stay.",
    params,
    response: z.strictObject({ object: z.literal("sso.connection"), id: z.string(), deleted: z.literal(true) }),
    failures: [ssoFailures.connection_not_found],
    async handle(ops, request) {
      const { id } = request.params;
      await ops.deleteConnection({ ...authorOf(request), connectionId: id, expectedVersion: undefined });
      return { object: "sso.connection" as const, id, deleted: true as const };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/sso/connections/{id}:test",
    permission: "sso:manage",
    operation: "testSsoConnection",
    summary: "Asks the provider what it says of itself, and tells what is wrong with it.",
    params,
    response: z.strictObject({ works: z.boolean(), findings: z.array(finding) }),
    failures: [ssoFailures.connection_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const findings = await ops.testConnection({ tenantId, connectionId: request.params.id });
      const told = findings.map(({ check, result, text }) => ({ check, result, message: text[request.locale] }));
      return { works: findings.every(({ result }) => result !== "failed"), findings: told };
    },
  }),
];

function authorOf(request: { readonly caller: Caller | undefined; readonly clientAddress: string }) {
  const { tenantId, userId, permissions: held } = requireCaller(request);
  return { tenantId, author: { userId, clientAddress: request.clientAddress }, held };
}

type SamlInput = { readonly [Field in keyof typeof samlFields]?: z.output<(typeof samlFields)[Field]> | undefined };

function toSamlSource({ entity_id, sso_url, certificates: given, metadata: document, metadata_url }: SamlInput) {
  return {
    ...{ entityId: entity_id, ssoUrl: sso_url, certificates: given, metadata: document, metadataUrl: metadata_url },
  };
}
