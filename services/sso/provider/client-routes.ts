import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import type { SsoOps } from "../ops.ts";
import type { ClientWithSecret } from "./client-change.ts";
import { type Client, clientFields, clientScopes } from "./client-model.ts";

const { json } = routesFor<SsoOps>();

const params = z.strictObject({ id: z.string().max(64) });
const time = z.iso.datetime();
const fields = {
  name: clientFields.name.meta({ examples: ["Grafana"] }).describe("Shown to people when they sign in."),
  redirect_uris: clientFields.redirectUris
    .meta({ examples: [["https://grafana.example.com/login/generic_oauth"]] })
    .describe(
      "Where people are sent back to; compared character by character, but for the port on the person's own machine of a public client.",
    ),
  post_logout_redirect_uris: clientFields.postLogoutRedirectUris
    .meta({ examples: [["https://grafana.example.com/login"]] })
    .describe("Where people may be sent when they have signed out."),
  backchannel_logout_uri: clientFields.backchannelLogoutUri
    .nullable()
    .meta({ examples: ["https://grafana.example.com/logout/backchannel"] })
    .describe(
      "Where the program is told that somebody's session is over, by a logout token; null for one that is not told.",
    ),
  backchannel_logout_session_required: z
    .boolean()
    .describe("Whether ID tokens and logout tokens name the session (`sid`), and not only the person."),
  scopes: clientFields.scopes.describe(
    "What it may be told, whether it may stay signed in (offline_access), and whether it may call tools in their names (tool:call).",
  ),
};
const clientBody = z.strictObject({
  ...{ object: z.literal("sso.client"), id: z.string().describe("The `client_id` of OpenID Connect.") },
  type: z.enum(["confidential", "public"]),
  issuer: z.string().describe("What the program is set up with; everything else it reads from there."),
  ...{ name: z.string(), redirect_uris: z.array(z.string()), post_logout_redirect_uris: z.array(z.string()) },
  ...{ backchannel_logout_uri: z.string().nullable(), backchannel_logout_session_required: z.boolean() },
  scopes: z.array(z.enum(clientScopes)),
  ...{ version: z.int(), created_at: time, updated_at: time },
});
const withSecret = clientBody.extend({
  secret: z.string().nullable().describe("Shown this once; null for a public client."),
});
const versionOf = (body: { readonly version: number }) => body.version;
const missing = [ssoFailures.client_not_found, ssoFailures.client_version_mismatch];

/** How a tenant's administrators set up programs that sign people in with Lyss. */
export const clientRoutes = [
  json({
    method: "POST",
    path: "/api/v1/sso/clients",
    permission: "sso:manage",
    operation: "createClient",
    summary:
      "Sets up a program that signs the tenant's people in by OpenID Connect. Its secret is in this answer alone.",
    body: z.strictObject({
      ...{ name: fields.name, type: z.enum(["confidential", "public"]).default("confidential") },
      redirect_uris: fields.redirect_uris,
      post_logout_redirect_uris: fields.post_logout_redirect_uris.default([]),
      backchannel_logout_uri: fields.backchannel_logout_uri.default(null),
      backchannel_logout_session_required: fields.backchannel_logout_session_required.default(false),
      scopes: fields.scopes.default(["openid", "profile", "email", "groups"]),
    }),
    response: withSecret,
    successStatus: 201,
    versionOf,
    failures: [ssoFailures.client_name_taken, ssoFailures.too_many_clients, ssoFailures.address_refused],
    async handle(ops, request) {
      const { type, ...body } = request.body;
      const { tenantId, author } = authorOf(request);
      const isConfidential = type === "confidential";
      const created = await ops.createClient({ tenantId, author, isConfidential, ...toFields(body) });
      return toSecretBody(created, ops.issuer);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/clients",
    permission: "sso:manage",
    operation: "listClients",
    summary: "The programs that sign the tenant's people in, newest first.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(clientBody),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toPageBody(await ops.listClients({ tenantId, ...request.query }), (row) => toBody(row, ops.issuer));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/clients/{id}",
    permission: "sso:manage",
    operation: "getClient",
    summary: "A program that signs people in, without its secret.",
    params,
    response: clientBody,
    versionOf,
    failures: [ssoFailures.client_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toBody(await ops.getClient({ tenantId, clientId: request.params.id }), ops.issuer);
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/sso/clients/{id}",
    permission: "sso:manage",
    operation: "updateClient",
    summary: "Changes what is given of a program that signs people in.",
    params,
    body: z.strictObject(fields).partial(),
    response: clientBody,
    versionOf,
    failures: [...missing, ssoFailures.client_name_taken, ssoFailures.address_refused],
    async handle(ops, request) {
      const { expectedVersion, params: named } = request;
      const changes = toFields(request.body);
      const reference = { ...authorOf(request), clientId: named.id, expectedVersion };
      return toBody(await ops.updateClient({ ...reference, changes }), ops.issuer);
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/sso/clients/{id}:rotate",
    permission: "sso:manage",
    operation: "rotateClientSecret",
    summary: "Gives the program a new secret, which is in this answer alone; the one before is refused from now on.",
    params,
    response: withSecret,
    versionOf,
    failures: [...missing, ssoFailures.client_has_no_secret],
    async handle(ops, request) {
      const { expectedVersion, params: named } = request;
      const reference = { ...authorOf(request), clientId: named.id, expectedVersion };
      return toSecretBody(await ops.rotateClientSecret(reference), ops.issuer);
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/sso/clients/{id}",
    permission: "sso:manage",
    operation: "deleteClient",
    summary: "Removes a program: nobody signs in by it any more, and its tokens are void.",
    params,
    response: z.strictObject({ object: z.literal("sso.client"), id: z.string(), deleted: z.literal(true) }),
    failures: [ssoFailures.client_not_found],
    async handle(ops, request) {
      const { id } = request.params;
      await ops.deleteClient({ ...authorOf(request), clientId: id, expectedVersion: undefined });
      return { object: "sso.client" as const, id, deleted: true as const };
    },
  }),
];

/** Entered fields as the operations take them. */
function toFields<
  Body extends { readonly [Field in keyof typeof fields]?: z.output<(typeof fields)[Field]> | undefined },
>(body: Body) {
  return {
    name: body.name as Body["name"],
    redirectUris: body.redirect_uris as Body["redirect_uris"],
    postLogoutRedirectUris: body.post_logout_redirect_uris as Body["post_logout_redirect_uris"],
    backchannelLogoutUri: body.backchannel_logout_uri as Body["backchannel_logout_uri"],
    backchannelLogoutSessionRequired:
      body.backchannel_logout_session_required as Body["backchannel_logout_session_required"],
    scopes: body.scopes as Body["scopes"],
  };
}

function authorOf(request: { readonly caller: Caller | undefined; readonly clientAddress: string }) {
  const { tenantId, userId } = requireCaller(request);
  return { tenantId, author: { userId, clientAddress: request.clientAddress } };
}

function toSecretBody({ client, secret }: ClientWithSecret, issuer: string): z.input<typeof withSecret> {
  return { ...toBody(client, issuer), secret: secret?.reveal() ?? null };
}

function toBody(row: Client, issuer: string): z.input<typeof clientBody> {
  return {
    ...{ object: "sso.client", id: row.clientId, type: row.isConfidential ? "confidential" : "public", issuer },
    ...{ name: row.name, redirect_uris: [...row.redirectUris] },
    post_logout_redirect_uris: [...row.postLogoutRedirectUris],
    backchannel_logout_uri: row.backchannelLogoutUri,
    backchannel_logout_session_required: row.backchannelLogoutSessionRequired,
    scopes: [...row.scopes],
    version: row.version,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}
