import { toolResource, toolResourceUri } from "@lyss/contracts/access/resources.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type Provider from "oidc-provider";
import type { Configuration, errors as OidcErrors } from "oidc-provider";
import type { SsoDeps } from "../deps.ts";
import { sha256 } from "../sealed.ts";

/** Seconds. */
const tokenTtl = 900;

/** The resources that programs may name (RFC 8707): the one of tools, for those that may call them. */
export function createResourceIndicators(
  { settings }: Pick<SsoDeps, "settings">,
  errors: typeof OidcErrors,
): NonNullable<NonNullable<Configuration["features"]>["resourceIndicators"]> {
  const uri = () => toolResourceUri(settings.publicUrl);
  return {
    enabled: true,
    // Of a program that does not say where: what it asks for says it.
    defaultResource: (ctx, client, oneOf) => {
      if (oneOf) return oneOf;
      const scopes = String(ctx.oidc.params?.["scope"] ?? "").split(" ");
      return client["calls_tools"] === true && scopes.includes(toolResource.scope) ? uri() : (undefined as never);
    },
    useGrantedResource: () => true,
    getResourceServerInfo(_ctx, resource, client) {
      if (resource !== uri() || client["calls_tools"] !== true) throw new errors.InvalidTarget();
      return {
        ...{ scope: toolResource.scope, audience: resource, accessTokenTTL: tokenTtl },
        accessTokenFormat: "jwt",
      };
    },
  };
}

/** What the library calls to make an access token; its types do not tell of it. Without a payload nothing of the token is kept. */
interface SignedToken {
  readonly resourceServer?: { readonly audience?: string; identifier(): string } | undefined;
  readonly sessionUid?: string | undefined;
  readonly clientId?: string | undefined;
  readonly accountId: string;
  readonly scope?: string | undefined;
  getValueAndPayload(): Promise<{ readonly value: string; readonly payload?: unknown }>;
}

/** Tokens for a resource are auth's: whoever checks them knows its keys alone, and they stand on the session as its own do. */
export function signByAuth(
  provider: Provider,
  errors: typeof OidcErrors,
  { auth, providerState }: Pick<SsoDeps, "auth" | "providerState">,
): void {
  const { prototype } = provider.AccessToken as unknown as { readonly prototype: SignedToken };
  const usual = prototype.getValueAndPayload;
  prototype.getValueAndPayload = async function sign(this: SignedToken) {
    const { resourceServer, sessionUid, clientId, accountId, scope } = this;
    if (!resourceServer) return usual.call(this);
    const login = sessionUid === undefined ? undefined : await providerState.findLogin(sha256(sessionUid));
    const scopes = (scope ?? "").split(" ").filter((one) => one !== "");
    if (!login || login.userId !== accountId || clientId === undefined || scopes.length === 0) {
      throw new errors.InvalidGrant("the person has not allowed it");
    }
    const { sessionId, userId } = login;
    const audience = resourceServer.audience ?? resourceServer.identifier();
    const asked = { sessionId, userId, clientId, audience, scopes, ttlSeconds: tokenTtl };
    const { accessToken } = await auth.createResourceToken(asked).catch((err: unknown) => {
      throw isFailure(err, authFailures.session_not_found) ? new errors.InvalidGrant("the session is over") : err;
    });
    return { value: accessToken };
  };
}
