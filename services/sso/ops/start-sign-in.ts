import type { SsoDeps } from "../deps.ts";
import { authorizationUrl } from "../oidc/sign-in.ts";
import { toToldFailure } from "../oidc/told-failures.ts";
import { parseReturnAddress } from "../return-address.ts";
import { type BrowserStep, findOpenConnection, keepSignIn } from "../signing-in.ts";

export interface StartSignInInput {
  readonly connectionId: string;
  readonly returnTo: string;
  /** Of a verifier that whoever begins the sign-in keeps (RFC 7636, S256). */
  readonly codeChallenge: string;
}

/** Where a connection's provider sends people back to. */
export function redirectUriOf(publicUrl: string, connectionId: string): string {
  return `${publicUrl}/api/v1/sso/${connectionId}/callback`;
}

/**
 * Sends a browser to the connection's provider. Throws `connection_not_found`, `return_refused` and `provider_unavailable`.
 */
export async function startSignIn(deps: SsoDeps, input: StartSignInInput): Promise<BrowserStep> {
  const { settings, random, providers } = deps;
  const returnTo = parseReturnAddress(input.returnTo, settings.publicUrl).href;
  const { connection, secret } = await findOpenConnection(deps, input.connectionId);
  const { connectionId, name } = connection;
  const secretText = () => random.bytes(32).toString("base64url");
  const [state, nonce, verifier] = [secretText(), secretText(), secretText()];
  const redirectUri = redirectUriOf(settings.publicUrl, connectionId);
  const location = await providers
    .of(connection, secret)
    .then((provider) => authorizationUrl(provider, connection, { redirectUri, state, nonce, verifier }))
    .catch((err: unknown) => {
      throw toToldFailure(err, name);
    });
  const kept = { nonce, verifier, returnTo, codeChallenge: input.codeChallenge };
  return { location: location.href, cookie: await keepSignIn(deps, connectionId, state, kept) };
}
