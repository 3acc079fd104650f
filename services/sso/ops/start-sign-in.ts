import type { SsoDeps } from "../deps.ts";
import { isSaml, type OidcConnection, type SamlConnection } from "../model.ts";
import { authorizationUrl } from "../oidc/sign-in.ts";
import { toToldFailure } from "../oidc/told-failures.ts";
import { parseReturnAddress } from "../return-address.ts";
import { authnRequestUrl } from "../saml/service-provider.ts";
import { type BrowserStep, findOpenConnection, type KeptSignIn, keepSignIn, revealSecret } from "../signing-in.ts";
import type { SealedConnection } from "../store.ts";

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
  const { settings, random } = deps;
  const returnTo = parseReturnAddress(input.returnTo, settings.publicUrl).href;
  const { connection } = await findOpenConnection(deps, input.connectionId);
  const state = random.bytes(32).toString("base64url");
  const { location, ...bound } = isSaml(connection)
    ? await askSaml(deps, connection, state)
    : await askOidc(deps, connection as SealedConnection<OidcConnection["party"]>, state);
  const kept = { ...bound, returnTo, codeChallenge: input.codeChallenge };
  return { location, cookie: await keepSignIn(deps, connection.connectionId, state, kept) };
}

/** Where the browser goes, and what the answer will be bound to. */
type Asked = Pick<BrowserStep, "location"> & Pick<KeptSignIn, "nonce" | "verifier">;

async function askOidc(
  deps: SsoDeps,
  connection: SealedConnection<OidcConnection["party"]>,
  state: string,
): Promise<Asked> {
  const { settings, random, providers } = deps;
  const secretText = () => random.bytes(32).toString("base64url");
  const [nonce, verifier] = [secretText(), secretText()];
  const redirectUri = redirectUriOf(settings.publicUrl, connection.connectionId);
  const location = await providers
    .of(connection, revealSecret(deps, connection))
    .then((provider) => authorizationUrl(provider, connection, { redirectUri, state, nonce, verifier }))
    .catch((err: unknown) => {
      throw toToldFailure(err, connection.name);
    });
  return { location: location.href, nonce, verifier };
}

async function askSaml({ settings, random }: SsoDeps, connection: SamlConnection, relayState: string): Promise<Asked> {
  // A name of XML does not begin with a digit.
  const requestId = `_${random.bytes(20).toString("hex")}`;
  const location = await authnRequestUrl(connection, { publicUrl: settings.publicUrl, requestId, relayState });
  return { location, nonce: requestId, verifier: "" };
}
