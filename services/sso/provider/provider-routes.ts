import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { toOauthFailureReply } from "@lyss/kit/oauth/failure-reply.ts";
import { z } from "zod";
import type { SsoOps } from "../ops.ts";

const { json } = routesFor<SsoOps>();

const field = z.string().max(8_192);
/** Parameters that are not known are ignored, as RFC 6749, 3.1, asks. */
const parameters = z.record(z.string().max(100), field);
const params = z.strictObject({ id: z.string().max(64) });
const form = ["application/x-www-form-urlencoded"] as const;
const anything = z.looseObject({});
const page = { files: ["text/html"], response: z.strictObject({}).describe("A page, or the browser is sent on.") };
const failures = [ssoFailures.no_provider];

interface Told {
  readonly headers: Readonly<Record<string, string>>;
  readonly locale: Locale;
  readonly clientAddress: string;
}

/** What a browser is sent to. */
function pageRoute(method: "GET" | "POST", path: string, operation: string, summary: string) {
  return json({
    ...{ method, path: `/oidc${path}`, permission: "public", operation, summary, failures, ...page, reads: ["cookie"] },
    ...(method === "GET" ? { query: parameters } : { body: parameters, bodyFormats: form }),
    ...(path.includes("{") && { params }),
    handle(ops, { query, body, params: named, ...told }) {
      const { id } = named as { id?: string };
      const target = id === undefined ? path : path.replace("{id}", encodeURIComponent(id));
      const fields = (method === "GET" ? query : body) as Readonly<Record<string, string>>;
      // A form says the same as the address would (OpenID Connect Core 1.0, 3.1.2.1).
      const sent = path.startsWith("/logout/") ? method : "GET";
      return serve(ops, told, { method: sent, target, fields, isBrowser: true });
    },
  });
}

/** What a program asks. */
function programRoute(method: "GET" | "POST", path: string, operation: string, summary: string, example: object) {
  return json({
    ...{ method, path: `/oidc${path}`, permission: "public", operation, summary, failures, reads: ["authorization"] },
    ...(method === "GET" ? {} : { body: parameters.default({}), bodyFormats: form }),
    response: anything.meta({ examples: [example] }),
    toFailureReply: toOauthFailureReply,
    handle: (ops, { body, ...told }) =>
      serve(ops, told, {
        ...{ method, target: path, isBrowser: false },
        fields: (body ?? {}) as Readonly<Record<string, string>>,
      }),
  });
}

function serve(
  ops: SsoOps,
  { headers, locale, clientAddress }: Told,
  asked: {
    readonly method: "GET" | "POST";
    readonly target: string;
    readonly fields: Readonly<Record<string, string>>;
    readonly isBrowser: boolean;
  },
) {
  const { method, fields, isBrowser } = asked;
  const query = method === "GET" ? new URLSearchParams(fields).toString() : "";
  const target = query === "" ? asked.target : `${asked.target}?${query}`;
  return ops.serveProvider({
    request: { method, target, form: method === "POST" ? fields : undefined, headers, isBrowser },
    ...{ locale, clientAddress },
  });
}

const token = { access_token: "a token", expires_in: 900, id_token: "a JWT", scope: "openid", token_type: "Bearer" };
const person = { sub: "usr_01kb0f2j5tq8w3z6v9x4y7a1bc", name: "Ada Lovelace", email: "ada@example.com" };

/** Lyss as OpenID provider. */
export const providerRoutes = [
  programRoute(
    "GET",
    "/.well-known/openid-configuration",
    "discoverProvider",
    "What a program needs to know of Lyss as OpenID provider (OpenID Connect Discovery 1.0).",
    {
      issuer: "https://lyss.example.com/oidc",
    },
  ),
  json({
    method: "GET",
    path: "/.well-known/oauth-authorization-server/oidc",
    permission: "public",
    operation: "getProviderMetadata",
    summary: "The same for programs that look for it where RFC 8414 has it.",
    ...{ failures, toFailureReply: toOauthFailureReply },
    response: anything.meta({ examples: [{ issuer: "https://lyss.example.com/oidc" }] }),
    handle: (ops, { body: _body, ...told }) =>
      serve(
        ops,
        { ...told, headers: {} },
        {
          ...{ method: "GET", target: "/.well-known/openid-configuration", isBrowser: false, fields: {} },
        },
      ),
  }),
  programRoute("GET", "/jwks", "getProviderKeys", "The keys that sign ID tokens (RFC 7517).", { keys: [] }),
  pageRoute("GET", "/authorize", "authorize", "Signs a person in for a program: code with PKCE (S256), nothing else."),
  pageRoute("POST", "/authorize", "postAuthorize", "The same, by a form."),
  pageRoute("GET", "/authorize/{id}", "resumeAuthorize", "Where a sign-in goes on when the person has answered."),
  programRoute(
    "POST",
    "/token",
    "exchangeProviderCode",
    "Tokens for a code or a refresh token, each good for once.",
    token,
  ),
  programRoute("GET", "/userinfo", "getUserInfo", "Who the person of an access token is.", person),
  programRoute("POST", "/userinfo", "postUserInfo", "The same, by a form.", person),
  programRoute("POST", "/introspect", "introspectProviderToken", "Whether a token of the program is good (RFC 7662).", {
    active: true,
    client_id: "cli_01kb0f2j5tq8w3z6v9x4y7a1bc",
  }),
  programRoute("POST", "/revoke", "revokeProviderToken", "Ends a token of the program (RFC 7009).", {}),
  pageRoute("GET", "/logout", "endProviderSession", "Signs a person out (RP-Initiated Logout 1.0), when they say so."),
  pageRoute("POST", "/logout", "postEndProviderSession", "The same, by a form."),
  pageRoute("POST", "/logout/confirm", "confirmEndProviderSession", "What the person has said."),
  pageRoute("GET", "/logout/success", "showProviderSignedOut", "Says that the person is signed out."),
  json({
    method: "GET",
    path: "/oidc/interaction/{id}",
    permission: "public",
    operation: "showInteraction",
    summary: "The page that asks for a password or for consent.",
    ...{ params, reads: ["cookie"], failures, ...page },
    handle: (ops, { params: { id }, headers, locale, clientAddress, userAgent }) =>
      ops.showInteraction({ id, cookie: headers["cookie"], locale, clientAddress, userAgent }),
  }),
  json({
    method: "POST",
    path: "/oidc/interaction/{id}",
    permission: "public",
    operation: "answerInteraction",
    summary: "What the person has said there.",
    ...{ params, reads: ["cookie"], failures, ...page, bodyFormats: form },
    body: z.strictObject({
      action: z.enum(["sign_in", "prove", "allow", "cancel"]),
      email: z.string().max(254).default(""),
      password: z.string().max(1_000).default("").meta({ writeOnly: true }),
      challenge: z.string().max(200).default("").meta({ writeOnly: true }),
      code: z.string().max(40).default("").meta({ writeOnly: true }),
    }),
    handle: (ops, { params: { id }, body, headers, locale, clientAddress, userAgent }) =>
      ops.answerInteraction({ ...body, id, cookie: headers["cookie"], locale, clientAddress, userAgent }),
  }),
];
