import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { sessionTokensBody, toSessionTokensBody } from "@lyss/kit/oauth/token-body.ts";
import { z } from "zod";
import { answerBrowser, forBrowsers } from "./browser-answer.ts";
import type { Connection } from "./model.ts";
import type { StartedSession } from "./ops/exchange-code.ts";
import type { SsoOps } from "./ops.ts";

const { json } = routesFor<SsoOps>();

const params = z.strictObject({ connection: z.string().max(64) });
const redirected = z.strictObject({}).describe("The browser is sent on.");
const s256 = z
  .string()
  .regex(
    /^[A-Za-z0-9_-]{43}$/,
    inBothLanguages(
      "must be base64url of a SHA-256 (RFC 7636, S256)",
      "必须是 SHA-256 的 base64url 编码（RFC 7636，S256）",
    ),
  );
const verifier = z
  .string()
  .regex(
    /^[A-Za-z0-9._~-]{43,128}$/,
    inBothLanguages("must be 43 to 128 characters (RFC 7636, 4.1)", "必须是 43 到 128 个字符（RFC 7636，4.1）"),
  );

const factorRequired = z.strictObject({
  mfa_required: z.literal(true),
  challenge_token: z.string(),
  expires_in: z.int().describe("Seconds."),
  factors: z.array(z.string()),
});
const known = z.strictObject({
  object: z.literal("sso.option"),
  connection_id: z.string(),
  name: z.string(),
  kind: z.enum(["oidc", "saml"]),
  start_url: z.string().describe("Takes `return_to` and `code_challenge`."),
});

/** How people sign on from elsewhere. */
export const signInRoutes = [
  json({
    method: "POST",
    path: "/api/v1/sso/discover",
    permission: "public",
    operation: "discoverSsoConnections",
    summary:
      "By which connections the people of a tenant, or of an e-mail domain, sign in. Empty for whatever is unknown.",
    body: z.union([
      z.strictObject({ tenant: z.string().min(1).max(63).describe("Its name in addresses.") }),
      z.strictObject({ email: z.string().min(3).max(254) }),
    ]),
    response: z.strictObject({ object: z.literal("list"), data: z.array(known) }),
    async handle(ops, { body }) {
      const found = await ops.discoverConnections("tenant" in body ? { slug: body.tenant } : { email: body.email });
      return { object: "list" as const, data: found.map((row) => toOption(row, ops.publicUrl)) };
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/{connection}/start",
    permission: "public",
    operation: "startSsoSignIn",
    summary: "Sends the browser to the connection's provider (302).",
    params,
    query: z.strictObject({
      return_to: z
        .string()
        .min(1)
        .max(500)
        .describe("Where the browser comes back to with `code`: a path of this site, or a port of 127.0.0.1."),
      code_challenge: s256
        .meta({ examples: ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"] })
        .describe("Of a verifier that is sent with the code (RFC 7636, S256)."),
    }),
    response: redirected,
    failures: [ssoFailures.connection_not_found, ssoFailures.return_refused, ssoFailures.provider_unavailable],
    reads: forBrowsers,
    async handle(ops, request) {
      const {
        params: { connection: connectionId },
        query,
      } = request;
      const { return_to: returnTo, code_challenge: codeChallenge } = query;
      return answerBrowser(request, () => ops.startSignIn({ connectionId, returnTo, codeChallenge }));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/{connection}/callback",
    permission: "public",
    operation: "finishSsoSignIn",
    summary: "Where an OpenID provider sends people back to; sends the browser on with a code (302).",
    params,
    // What a provider adds is its own affair (RFC 6749, 4.1.2).
    query: z.record(z.string().max(100), z.string().max(8_192)),
    reads: ["cookie", ...forBrowsers],
    response: redirected,
    failures: [
      ...[ssoFailures.connection_not_found, ssoFailures.sign_in_unknown, ssoFailures.provider_refused],
      ...[ssoFailures.answer_refused, ssoFailures.provider_unavailable, ssoFailures.person_refused],
    ],
    async handle(ops, request) {
      const {
        params: { connection: connectionId },
        query,
        headers,
        clientAddress,
      } = request;
      const cookieHeader = headers["cookie"];
      return answerBrowser(request, () => ops.finishOidcSignIn({ connectionId, query, cookieHeader, clientAddress }));
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/sso/exchange",
    permission: "public",
    operation: "exchangeSsoCode",
    summary: "Trades the code of a sign-in that ended well for a session. A code counts once, for a minute.",
    body: z.strictObject({
      code: z.string().min(1).max(200),
      code_verifier: verifier.meta({ examples: ["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"] }),
    }),
    reads: ["user-agent"],
    response: z.union([sessionTokensBody, factorRequired]),
    failures: [ssoFailures.code_invalid],
    async handle(ops, { body, headers, clientAddress }) {
      const { code, code_verifier: codeVerifier } = body;
      const userAgent = (headers["user-agent"] ?? "").slice(0, 300);
      return toSessionBody(await ops.exchangeCode({ code, codeVerifier, clientAddress, userAgent }));
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/sso/{connection}/backchannel-logout",
    permission: "public",
    operation: "endSsoSessions",
    summary: "Where an OpenID provider tells of sessions that have ended there (Back-Channel Logout 1.0).",
    params,
    body: z.strictObject({ logout_token: z.string().min(1).max(16_384) }),
    bodyFormats: ["application/x-www-form-urlencoded"],
    response: z.strictObject({}),
    failures: [ssoFailures.connection_not_found, ssoFailures.logout_refused, ssoFailures.provider_unavailable],
    async handle(ops, { params: { connection: connectionId }, body, clientAddress }) {
      await ops.endProviderSessions({ connectionId, logoutToken: body.logout_token, clientAddress });
      return {};
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/sso/logout",
    permission: "user:read",
    operation: "endSsoSession",
    summary: "Ends one's own session, and tells where to end the one at the identity provider.",
    body: z
      .strictObject({
        return_to: z
          .url()
          .max(500)
          .optional()
          .describe("Where the provider sends the browser afterwards; one that it knows."),
      })
      .prefault({}),
    response: z.strictObject({
      object: z.literal("sso.logout"),
      logout_url: z
        .string()
        .nullable()
        .describe("Where the browser ends the provider's session; null when there is none."),
    }),
    async handle(ops, request) {
      const { tenantId, userId, sessionId } = requireCaller(request);
      const { clientAddress, body } = request;
      const logoutUrl =
        sessionId === ""
          ? undefined
          : await ops.endOwnSession({ tenantId, userId, sessionId, clientAddress, returnTo: body.return_to });
      return { object: "sso.logout" as const, logout_url: logoutUrl ?? null };
    },
  }),
];

function toOption({ connectionId, name, party }: Connection, publicUrl: string): z.input<typeof known> {
  const start_url = `${publicUrl}/api/v1/sso/${connectionId}/start`;
  return { object: "sso.option", connection_id: connectionId, name, kind: party.kind, start_url };
}

function toSessionBody({ case: kind, value }: StartedSession) {
  if (kind === "tokens") return toSessionTokensBody(value);
  if (kind !== "factorRequired") throw new Error("auth answered with neither a session nor a challenge");
  const { challengeToken, expiresInSeconds, factors } = value;
  return {
    mfa_required: true as const,
    challenge_token: challengeToken,
    expires_in: expiresInSeconds,
    factors: [...factors],
  };
}
