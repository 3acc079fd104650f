import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  type TokenEndpointResponse,
} from "openid-client";
import { answerRefused } from "../answer-refused.ts";
import { type Assertion, limits, type OidcConnection } from "../model.ts";
import type { OidcProvider } from "./providers.ts";

/** What one sign-in is bound to. */
export interface OidcBinding {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Where the browser goes (OpenID Connect Core 1.0, 3.1.2; PKCE by RFC 7636, S256). */
export async function authorizationUrl(
  { configuration }: OidcProvider,
  { party }: OidcConnection,
  { redirectUri, state, nonce, verifier }: OidcBinding,
): Promise<URL> {
  return buildAuthorizationUrl(configuration, {
    ...{ redirect_uri: redirectUri, state, nonce, response_type: "code" },
    scope: [...new Set(["openid", ...party.scopes])].join(" "),
    ...{ code_challenge: await calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" },
  });
}

/** What the provider says of whoever came back, and its proof. */
export interface OidcAnswer {
  readonly assertion: Assertion;
  readonly idToken: string;
}

/**
 * Trades the code for the provider's word and checks it: state, issuer (RFC 9207), nonce, audience, signature, times.
 * `callbackUrl` is the address that the browser came back to, with its query.
 */
export async function readAnswer(
  provider: OidcProvider,
  connection: OidcConnection,
  { callbackUrl, state, nonce, verifier }: Omit<OidcBinding, "redirectUri"> & { readonly callbackUrl: URL },
): Promise<OidcAnswer> {
  const { configuration, metadata, keys } = provider;
  const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
  const tokens = await authorizationCodeGrant(configuration, callbackUrl, checks);
  const { id_token: idToken } = tokens;
  if (idToken === undefined) throw answerRefused("claims");
  const { clientId: audience } = connection.party;
  const claims = await keys.verify(idToken, { issuer: metadata.issuer, audience, requiredClaims: ["exp", "iat"] }, 0);
  if (claims["nonce"] !== nonce) throw answerRefused("claims");
  // Several audiences: then it says for whom of them it was made (OpenID Connect Core 1.0, 3.1.3.7).
  if (Array.isArray(claims.aud) && claims.aud.length > 1 && claims["azp"] !== audience) throw answerRefused("audience");
  const all = await withUserInfo(provider, connection, tokens, claims);
  return { idToken, assertion: toAssertion(connection, all) };
}

type Claims = Readonly<Record<string, unknown>>;

/** The claims, and those that the provider tells at its userinfo endpoint alone. */
async function withUserInfo(
  { configuration, metadata }: OidcProvider,
  { rules }: OidcConnection,
  tokens: TokenEndpointResponse,
  claims: Claims,
): Promise<Claims> {
  const { email, name, groups } = rules.claims;
  const wantsMore = claims[email] === undefined || claims[name] === undefined || claims[groups] === undefined;
  if (!wantsMore || metadata.userinfo_endpoint === undefined) return claims;
  const told = await fetchUserInfo(configuration, tokens.access_token, String(claims["sub"]));
  return { ...told, ...claims };
}

function toAssertion({ rules }: OidcConnection, claims: Claims): Assertion {
  const subject = claims["sub"];
  if (typeof subject !== "string" || subject === "" || subject.length > limits.subjectLength) {
    throw answerRefused("subject");
  }
  const email = textOf(claims[rules.claims.email]);
  const verified = claims["email_verified"];
  const groups = claims[rules.claims.groups];
  return {
    ...{ subject, email, name: textOf(claims[rules.claims.name]) },
    isEmailVerified: rules.claims.email === "email" && (verified === true || verified === "true"),
    groups: (Array.isArray(groups) ? groups : [groups])
      .filter((group): group is string => typeof group === "string" && group.length <= limits.groupLength)
      .slice(0, limits.groupsPerPerson),
    providerSession: textOf(claims["sid"]),
    notAfterMs: undefined,
  };
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === "string" && claim !== "" && claim.length <= 1_000 ? claim : undefined;
}
