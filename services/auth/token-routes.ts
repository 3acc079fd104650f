import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { toHeaderText } from "@lyss/kit/http/lane/reply.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { sessionTokensBody, toSessionTokensBody } from "@lyss/kit/oauth/token-body.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { isClientId } from "./clients/client-model.ts";
import type { ReadToken } from "./ops/read-token.ts";
import type { AuthOps } from "./ops.ts";
import type { Session } from "./session-model.ts";

const { json, raw } = routesFor<AuthOps>();

const form = ["application/x-www-form-urlencoded"] as const;
const shown = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .transform((text) => new Secret(text))
    .meta({ writeOnly: true });
const shownToken = z.strictObject({
  token: shown(8_192),
  token_type_hint: z.string().max(32).optional().describe("Not needed: what a token is shows by itself."),
});

const seconds = z.int().describe("Seconds since the Unix epoch.");
const introspection = z.strictObject({
  active: z.boolean().describe("False for whatever is not good now; nothing else is said then."),
  token_type: z.enum(["access_token", "refresh_token", "api_key"]).optional(),
  client_id: z.string().optional().describe("The service client whose token it is."),
  scope: z.string().optional().describe("What it permits, by spaces."),
  sub: z.string().optional(),
  tenant_id: z.string().optional(),
  sid: z.string().optional(),
  act: z
    .strictObject({ sub: z.string() })
    .optional()
    .describe("The operator who acts in the person's name (RFC 8693)."),
  amr: z.array(z.string()).optional(),
  auth_time: seconds.optional(),
  iat: seconds.optional(),
  exp: seconds.optional(),
});

const validation = z.strictObject({
  valid: z.literal(true),
  tenant_id: z.string(),
  user_id: z.string(),
  key_id: z.string().nullable(),
  client_id: z.string().nullable().describe("The service client, which is user_id then, too."),
  session_id: z.string().nullable(),
  operator_id: z.string().nullable().describe("The operator who acts in the person's name."),
  permissions: z.array(z.string()),
  models: z.array(z.string()).describe("Models it may use; empty for all."),
});

/** What is done with tokens. Each stands under `/api/v1` and under `/v1`. */
export const tokenRoutes = withAlias(
  [
    json({
      method: "POST",
      path: "/api/v1/auth/refresh",
      permission: "public",
      operation: "refreshSession",
      summary: "Gives the tokens that follow a refresh token; the same ones again for a few seconds.",
      body: z.strictObject({ refresh_token: shown(200) }),
      bodyFormats: form,
      response: sessionTokensBody,
      failures: [authFailures.refresh_token_refused],
      handle: async (ops, { body, clientAddress }) =>
        toSessionTokensBody(await ops.refreshSession({ refreshToken: body.refresh_token, clientAddress })),
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/revoke",
      permission: "public",
      operation: "revokeToken",
      summary: "Ends the session of an access or refresh token (RFC 7009). The same answer for any text.",
      body: shownToken,
      bodyFormats: form,
      response: z.strictObject({}),
      async handle(ops, { body, clientAddress }) {
        await ops.revokeToken({ token: body.token, clientAddress });
        return {};
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/introspect",
      permission: "token:introspect",
      operation: "introspectToken",
      summary: "What a token or API key of the tenant is good for now (RFC 7662).",
      body: shownToken,
      bodyFormats: form,
      response: introspection,
      async handle(ops, request) {
        const { tenantId } = requireCaller(request);
        const read = await ops.readToken({ token: request.body.token });
        return read?.tenantId === tenantId ? toIntrospection(read) : { active: false };
      },
    }),
    raw({
      method: "GET",
      path: "/api/v1/auth/validate",
      permission: "caller",
      operation: "validateToken",
      summary: "Who sends the request, and what that one may do now; 401 for a credential that is not good.",
      bodyLimitBytes: 0,
      response: validation,
      async handle(_ops, { res, caller }) {
        res.writeHead(200, validationHeaders).end(toValidation(requireCaller({ caller })));
      },
      serveHot(_ops, exchange) {
        const answer = () => exchange.answer(200, validationHeaderText, toValidation(exchange.facts.caller));
        exchange.enter(answer, nothingTaken);
        return true;
      },
    }),
  ],
  "/api/v1",
  "/v1",
);

function toIntrospection({ kind, tenantId, userId, permissions, session, ...times }: ReadToken) {
  const toSeconds = (ms: number) => Math.floor(ms / 1_000);
  return {
    ...{ active: true, token_type: kind, scope: permissions.join(" "), sub: userId, tenant_id: tenantId },
    ...(session && { sid: session.sessionId, ...toSignIn(session) }),
    iat: toSeconds(times.issuedAtMs),
    ...(times.expiresAtMs !== undefined && { exp: toSeconds(times.expiresAtMs) }),
  };
}

function toSignIn({ clientId, operatorId, methods, createdAt }: Session) {
  if (operatorId !== null) return { act: { sub: operatorId } };
  if (clientId !== null) return { client_id: clientId };
  return { amr: [...methods], auth_time: Math.floor(createdAt.getTime() / 1_000) };
}

const validationHeaders = { "content-type": "application/json", "cache-control": "no-store" };
const validationHeaderText = toHeaderText(validationHeaders);
const nothingTaken = () => {};

/** A verdict is one object for as long as it is trusted. */
const validations = new WeakMap<Caller, Buffer>();

function toValidation(caller: Caller): Buffer {
  const known = validations.get(caller);
  if (known) return known;
  const { tenantId, userId, keyId, sessionId, operatorId, permissions, models } = caller;
  const answer: z.input<typeof validation> = {
    valid: true,
    tenant_id: tenantId,
    user_id: userId,
    key_id: isClientId(keyId) ? null : keyId || null,
    client_id: isClientId(keyId) ? keyId : null,
    session_id: sessionId || null,
    operator_id: operatorId || null,
    permissions: [...permissions],
    models: [...models],
  };
  const body = Buffer.from(JSON.stringify(answer));
  validations.set(caller, body);
  return body;
}
