import { toolResource, toolResourceUri } from "@lyss/contracts/access/resources.ts";
import type { Configuration, interactionPolicy, KoaContextWithOIDC, errors as OidcErrors } from "oidc-provider";
import type { SsoDeps } from "../deps.ts";
import { findAccount } from "./account.ts";
import { scopesSupported } from "./client-model.ts";
import { readLogin } from "./lyss-login.ts";
import { confirmLogoutPage, pageHeaders, signedOutPage } from "./pages.ts";
import type { ProviderKey } from "./provider-keys.ts";
import { createResourceIndicators } from "./resource-tokens.ts";
import { createStateAdapter } from "./state-adapter.ts";
import { localeOfRequest, noteFailure } from "./under-way.ts";

/** Seconds. */
const ttl = {
  ...{ AccessToken: 900, AuthorizationCode: 60, IdToken: 3_600, Interaction: 600 },
  ...{ RefreshToken: 30 * 86_400, Grant: 90 * 86_400, Session: 90 * 86_400 },
};
export const idTokenTtlMs = ttl.IdToken * 1_000;

/** What of the library is loaded when the first client is there. */
export interface OidcLibrary {
  readonly interactionPolicy: typeof interactionPolicy;
  readonly errors: typeof OidcErrors;
  /** What is under way in the provider, if anything is. */
  current(): KoaContextWithOIDC | undefined;
}

/**
 * How Lyss is a provider: code with PKCE and refresh tokens, nothing else (RFC 9700); every token bound to a session of
 * ours; RS256, which every client can verify.
 */
export function createConfiguration(
  deps: Omit<SsoDeps, "provider">,
  { interactionPolicy: policies, errors, current }: OidcLibrary,
  keys: readonly ProviderKey[],
): Configuration {
  return {
    adapter: (model: string) =>
      createStateAdapter(deps, model, {
        loginOf: () => readLogin(current()?.oidc?.result),
        alreadyUsed: () => new errors.InvalidGrant("it was used before"),
      }),
    jwks: { keys: keys as never },
    ttl,
    ...{ scopes: [...scopesSupported], subjectTypes: ["public"], responseTypes: ["code"] },
    claims: {
      ...{
        openid: ["sub", "tenant", "amr"],
        profile: ["name"],
        email: ["email", "email_verified"],
        groups: ["groups"],
      },
    },
    // As most programs expect it: what a scope gives stands in the ID token too.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ["client_secret_basic", "client_secret_post", "none"],
    extraClientMetadata: { properties: ["tenant", "calls_tools"] },
    enabledJWA: { idTokenSigningAlgValues: ["RS256"] },
    expiresWithSession: async () => true,
    // Programs that call tools are not known to ask for `offline_access`; their tokens end with the person's session all the same.
    issueRefreshToken: async (_ctx, client, { scopes, resource }) =>
      client.grantTypeAllowed("refresh_token") && (scopes.has("offline_access") || resource !== undefined),
    rotateRefreshToken: () => true,
    cookies: {
      keys: [deps.cookieKey.toString("base64url")],
      names: { session: "lyss_oidc", interaction: "lyss_oidc_interaction", resume: "lyss_oidc_resume" },
      long: { httpOnly: true, sameSite: "lax", path: "/oidc", signed: true },
      short: { httpOnly: true, sameSite: "lax", signed: true },
    },
    ...(deps.settings.clientRegistration === "open" && {
      discovery: { registration_endpoint: `${deps.settings.publicUrl}/oidc/register` },
    }),
    routes: {
      ...{ authorization: "/authorize", token: "/token", userinfo: "/userinfo", jwks: "/jwks" },
      ...{ introspection: "/introspect", revocation: "/revoke", end_session: "/logout" },
    },
    features: {
      ...{ devInteractions: { enabled: false }, userinfo: { enabled: true }, dPoP: { enabled: false } },
      ...{ pushedAuthorizationRequests: { enabled: false } },
      resourceIndicators: createResourceIndicators(deps, errors),
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
      },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: askToSignOut, postLogoutSuccessSource: sayGoodbye },
    },
    interactions: { policy: createPolicy(policies), url: (_ctx, { uid }) => `/oidc/interaction/${uid}` },
    findAccount: (ctx, sub, token) =>
      findAccount(deps, ctx, sub, token && "sessionUid" in token ? token.sessionUid : undefined),
    loadExistingGrant: (ctx) => loadGrant(deps, ctx),
    renderError(ctx, _out, err) {
      noteFailure(ctx.req, err);
    },
  };
}

function createPolicy({ base, Check }: typeof interactionPolicy) {
  const policy = base();
  const reason = "whoever is signed in has no account with the client's tenant";
  const hasAccount = new Check("no_account", reason, ({ oidc }) => {
    const isStranger = oidc.session?.accountId !== undefined && oidc.entities.Account === undefined;
    return isStranger ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
  });
  policy.get("login")?.checks.add(hasAccount);
  return policy;
}

/** The grant of this sign-in, or a new one for what the person has consented to before. */
async function loadGrant(
  { providerState, settings }: Pick<SsoDeps, "providerState" | "settings">,
  { oidc }: KoaContextWithOIDC,
) {
  const { client, session, result, provider } = oidc;
  const accountId = session?.accountId;
  if (!client || !session || accountId === undefined) return undefined;
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  if (known && known.accountId === accountId && known.clientId === client.clientId) return known;
  const consent = await providerState.findConsent(accountId, client.clientId);
  if (!consent) return undefined;
  const allowed = new Set((client.scope ?? "").split(" "));
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope(consent.scopes.filter((scope) => allowed.has(scope)).join(" "));
  if (client["calls_tools"] === true && consent.scopes.includes(toolResource.scope)) {
    grant.addResourceScope(toolResourceUri(settings.publicUrl), toolResource.scope);
  }
  await grant.save();
  return grant;
}

async function askToSignOut(ctx: KoaContextWithOIDC, form: string): Promise<void> {
  const returnTo = ctx.oidc.params?.["post_logout_redirect_uri"];
  const locale = localeOfRequest(ctx.req);
  ctx.set(pageHeaders(typeof returnTo === "string" ? [returnTo] : []));
  ctx.body = confirmLogoutPage(locale, form);
}

async function sayGoodbye(ctx: KoaContextWithOIDC): Promise<void> {
  ctx.set(pageHeaders([]));
  ctx.body = signedOutPage(localeOfRequest(ctx.req));
}
