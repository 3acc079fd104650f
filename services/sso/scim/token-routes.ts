import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import type { ShownToken } from "../ops/change-scim-tokens.ts";
import type { SsoOps } from "../ops.ts";
import type { ScimToken } from "./model.ts";

const { json } = routesFor<SsoOps>();
const time = z.iso.datetime();
const id = z.string().min(1).max(64);
const params = z.strictObject({ id, token: id });
const dayMs = 86_400_000;

const tokenBody = z.strictObject({
  object: z.literal("sso.scim_token"),
  id: z.string(),
  connection_id: z.string(),
  prefix: z.string().describe("How the secret begins."),
  created_by: z.string(),
  created_at: time,
  last_used_at: time.nullable().describe("To a minute."),
  expires_at: time.nullable(),
});
const shownBody = z.strictObject({
  ...tokenBody.shape,
  secret: z
    .string()
    .meta({ examples: ["lyss_scim_Zr3p1v9o0dXqC6o2cYJbq8mUO8Vw5l7wFq3H0kqkT1s"] })
    .describe("The bearer token; shown this once."),
  base_url: z.string().describe("What the provider calls the tenant's SCIM address."),
});
const { connection_not_found, scim_token_not_found, scim_too_many, group_above_own, group_unknown } = ssoFailures;
const giving = [group_above_own, group_unknown, authFailures.role_above_own, authFailures.role_unknown];

/** The tokens by which a connection's provider manages people. */
export const scimTokenRoutes = [
  json({
    method: "POST",
    path: "/api/v1/sso/connections/{id}/scim-tokens",
    permission: "sso:manage",
    operation: "createScimToken",
    stepUp: "with_factors",
    summary: "Gives the connection's provider a token to manage people by SCIM.",
    params: z.strictObject({ id }),
    body: z
      .strictObject({
        expires_in_days: z.int().min(1).max(3_650).optional().describe("Without an end when left out."),
      })
      .prefault({}),
    response: shownBody,
    successStatus: 201,
    failures: [connection_not_found, scim_too_many, ...giving],
    async handle(ops, request) {
      const { expires_in_days: days } = request.body;
      const ttlMs = days === undefined ? undefined : days * dayMs;
      return toShownBody(await ops.createScimToken({ ...toInput(request), ttlMs }), ops.publicUrl);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/connections/{id}/scim-tokens",
    permission: "sso:manage",
    operation: "listScimTokens",
    summary: "The connection's SCIM tokens, newest first, without their secrets.",
    params: z.strictObject({ id }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(tokenBody) }),
    failures: [connection_not_found],
    async handle(ops, request) {
      const tokens = await ops.listScimTokens(toInput(request));
      return { object: "list" as const, data: tokens.map(toTokenBody) };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/sso/connections/{id}/scim-tokens/{token}:rotate",
    permission: "sso:manage",
    operation: "rotateScimToken",
    stepUp: "with_factors",
    summary: "Gives a new token in the place of one, which works for a while yet.",
    params,
    body: z
      .strictObject({
        grace_seconds: z.int().min(0).max(604_800).default(86_400).describe("How long the old one still works."),
      })
      .prefault({}),
    response: shownBody,
    successStatus: 201,
    failures: [connection_not_found, scim_token_not_found, scim_too_many, ...giving],
    async handle(ops, request) {
      const graceMs = request.body.grace_seconds * 1_000;
      const tokenId = request.params.token;
      return toShownBody(await ops.rotateScimToken({ ...toInput(request), tokenId, graceMs }), ops.publicUrl);
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/sso/connections/{id}/scim-tokens/{token}",
    permission: "sso:manage",
    operation: "revokeScimToken",
    summary: "Ends a SCIM token at once. The people whom it made stay.",
    params,
    response: z.strictObject({ object: z.literal("sso.scim_token"), id: z.string(), deleted: z.literal(true) }),
    failures: [connection_not_found, scim_token_not_found],
    async handle(ops, request) {
      const tokenId = request.params.token;
      await ops.revokeScimToken({ ...toInput(request), tokenId });
      return { object: "sso.scim_token" as const, id: tokenId, deleted: true as const };
    },
  }),
];

interface Asked {
  readonly caller: Caller | undefined;
  readonly clientAddress: string;
  readonly params: { readonly id: string };
}

function toInput(request: Asked) {
  const { tenantId, userId, permissions: held } = requireCaller(request);
  return { tenantId, connectionId: request.params.id, author: { userId, clientAddress: request.clientAddress }, held };
}

function toTokenBody(token: ScimToken): z.input<typeof tokenBody> {
  return {
    object: "sso.scim_token",
    ...{ id: token.tokenId, connection_id: token.connectionId, prefix: token.prefix, created_by: token.createdBy },
    created_at: token.createdAt.toISOString(),
    last_used_at: token.lastUsedAt?.toISOString() ?? null,
    expires_at: token.expiresAt?.toISOString() ?? null,
  };
}

function toShownBody({ token, secret }: ShownToken, publicUrl: string): z.input<typeof shownBody> {
  return { ...toTokenBody(token), secret, base_url: `${publicUrl}/scim/v2` };
}
