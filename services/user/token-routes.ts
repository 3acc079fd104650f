import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure, type FailureType, failureText } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { dataHeaders } from "@lyss/kit/http/failure-reply.ts";
import { routesFor, type ToFailureReply } from "@lyss/kit/http/route.ts";
import { jwtAssertionType, readClientProof } from "@lyss/kit/oauth/client-authentication.ts";
import { type OauthError, oauthDescriptionOf, oauthErrorOf } from "@lyss/kit/oauth/failure-reply.ts";
import {
  scopedTokenBody,
  sessionTokensBody,
  toScopedTokenBody,
  toSessionTokensBody,
} from "@lyss/kit/oauth/token-body.ts";
import { z } from "zod";
import { userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";

const { json } = routesFor<UserOps>();

const secret = z
  .string()
  .max(200)
  .transform((text) => new Secret(text))
  .meta({ writeOnly: true });

const assertion = z
  .string()
  .max(8_192)
  .transform((text) => new Secret(text))
  .meta({ writeOnly: true });

const tokenGrant = z.discriminatedUnion("grant_type", [
  z.strictObject({
    grant_type: z.literal("password"),
    username: userFields.typedEmail.describe("The e-mail address."),
    password: userFields.password,
  }),
  z.strictObject({
    grant_type: z.literal("refresh_token"),
    refresh_token: z.string().min(1).max(200).meta({ writeOnly: true }),
  }),
  // What clients' libraries send besides is ignored, as RFC 6749, 3.2, asks.
  z.looseObject({
    grant_type: z.literal("client_credentials"),
    client_id: z.string().max(100).optional().describe("Here, or with the secret as Basic authorization."),
    client_secret: secret.optional(),
    client_assertion_type: z.literal(jwtAssertionType).optional(),
    client_assertion: assertion.optional().describe("Signed by a key of the client's (RFC 7523), good once."),
    scope: z.string().max(4_096).default("").describe("Permissions by spaces; all of the client's unless given."),
  }),
]);

/** What RFC 6749, 5.2, calls the failures of this endpoint. */
const oauthErrors: ReadonlyMap<FailureType, OauthError> = new Map<FailureType, OauthError>([
  [authFailures.client_refused, "invalid_client"],
  [authFailures.address_not_allowed, "unauthorized_client"],
  [authFailures.scope_not_held, "invalid_scope"],
  [authFailures.refresh_token_refused, "invalid_grant"],
  [authFailures.access_barred, "invalid_grant"],
  [authFailures.sign_in_method_refused, "invalid_grant"],
  [userFailures.invalid_credentials, "invalid_grant"],
  [userFailures.sign_on_required, "invalid_grant"],
  [userFailures.factor_required, "mfa_required"],
]);

/** The shape of RFC 6749, 5.2, and besides what the platform says of every failure. */
const toTokenFailureReply: ToFailureReply = (failure, { locale, traceId }) => {
  const { type, details, retryAfterMs } = failure;
  const isGrantUnknown = type === kitFailures.invalid_request && details["field"] === "grant_type";
  const error = isGrantUnknown ? "unsupported_grant_type" : (oauthErrors.get(type) ?? oauthErrorOf(failure));
  const told = { error, error_description: oauthDescriptionOf(failure), code: type.publicCode };
  const body = { ...told, message: failureText(type, details, locale), details, trace_id: traceId };
  const headers: Record<string, string> = { ...dataHeaders, "content-language": locale.replace("_", "-") };
  if (retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(retryAfterMs / 1_000));
  if (type.httpStatus === 401)
    headers["www-authenticate"] = error === "invalid_client" ? 'Basic realm="lyss"' : "Bearer";
  return { status: type.httpStatus, headers, body: JSON.stringify(body) };
};

export const tokenRoutes = [
  json({
    method: "POST",
    path: "/api/v1/auth/token",
    permission: "public",
    operation: "createToken",
    summary:
      "Gives tokens for a password, a refresh token, or a service client's credentials (RFC 6749, 4.3, 4.4 and 6). Errors are those of RFC 6749, 5.2.",
    body: tokenGrant,
    bodyFormats: ["application/x-www-form-urlencoded"],
    reads: ["authorization"],
    response: z.union([sessionTokensBody, scopedTokenBody]),
    failures: [
      ...[userFailures.invalid_credentials, userFailures.too_many_attempts, userFailures.factor_required],
      ...[authFailures.refresh_token_refused, authFailures.access_barred, authFailures.client_refused],
      ...[authFailures.scope_not_held, authFailures.address_not_allowed, authFailures.client_keys_unavailable],
    ],
    toFailureReply: toTokenFailureReply,
    async handle(ops, { body, clientAddress, userAgent, headers: { authorization } }) {
      if (body.grant_type === "refresh_token") {
        return toSessionTokensBody(await ops.refresh({ refreshToken: body.refresh_token, clientAddress }));
      }
      if (body.grant_type === "password") {
        const { username: email, password } = body;
        return toSessionTokensBody(await ops.signIn({ email, password, clientAddress, userAgent }));
      }
      const { client_id: clientId, client_secret: clientSecret, client_assertion: clientAssertion, scope } = body;
      const proof = readClientProof({ authorization, clientId, clientSecret, clientAssertion });
      if (!proof) throw new Failure(authFailures.client_refused);
      return toScopedTokenBody(await ops.createClientToken({ ...proof, scope, clientAddress }));
    },
  }),
];
