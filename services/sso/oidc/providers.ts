import type { Secret } from "@lyss/kit/config/secret.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import {
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  discovery,
  None,
  type ServerMetadata,
} from "openid-client";
import { answerRefused } from "../answer-refused.ts";
import type { OidcConnection } from "../model.ts";
import { createProviderKeys, type ProviderKeys } from "./provider-keys.ts";

/** What a provider says of itself is read anew after this long. */
const metadataTtlMs = 600_000;
const maxKnown = 500;

/** An OpenID provider as a connection reaches it. */
export interface OidcProvider {
  readonly configuration: Configuration;
  readonly metadata: Readonly<ServerMetadata>;
  readonly keys: ProviderKeys;
}

/** The providers of all connections. */
export interface OidcProviders {
  /** The provider, from what it says of itself. Rejects with what openid-client and `GuardedFetch` reject with. */
  of(connection: OidcConnection, secret: Secret | undefined): Promise<OidcProvider>;
}

export interface OidcProvidersOptions {
  readonly fetchFrom: GuardedFetch;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Whether plain HTTP will do. */
  readonly allowsHttp: boolean;
}

/** What providers say of themselves is kept for ten minutes, by the version of the connection. */
export function createOidcProviders(options: OidcProvidersOptions): OidcProviders {
  const { clock } = options;
  const known = new Map<string, { readonly provider: Promise<OidcProvider>; readonly untilMs: number }>();

  return {
    of(connection, secret) {
      const key = `${connection.connectionId} ${connection.version}`;
      const found = known.get(key);
      if (found && found.untilMs > clock.monotonicMs()) return found.provider;
      const provider = openProvider(options, connection, secret);
      known.delete(key);
      known.set(key, { provider, untilMs: clock.monotonicMs() + metadataTtlMs });
      provider.catch(() => known.delete(key));
      const [oldest] = known.keys();
      if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
      return provider;
    },
  };
}

async function openProvider(
  { fetchFrom, clock, timeoutMs, allowsHttp }: OidcProvidersOptions,
  { party }: OidcConnection,
  secret: Secret | undefined,
): Promise<OidcProvider> {
  const call = (url: string, init: { method: string; headers: Record<string, string>; body?: unknown }) =>
    fetchFrom(new URL(url), {
      ...{ method: init.method, headers: init.headers },
      body: init.body === undefined || init.body === null ? undefined : String(init.body),
    });
  const found = await discovery(new URL(party.issuer), party.clientId, undefined, None(), {
    ...{ [customFetch]: call, timeout: Math.ceil(timeoutMs / 1_000) },
    ...(allowsHttp && { execute: [allowInsecureRequests] }),
  });
  const metadata = found.serverMetadata();
  const client = secret ? { client_secret: secret.reveal() } : {};
  const configuration = new Configuration(metadata, party.clientId, client, authenticationOf(metadata, secret));
  configuration[customFetch] = call;
  configuration.timeout = Math.ceil(timeoutMs / 1_000);
  if (allowsHttp) allowInsecureRequests(configuration);
  const { jwks_uri: jwksUri, authorization_endpoint: authorizationEndpoint } = metadata;
  const isWeb = (url: string | undefined): url is string =>
    url !== undefined && URL.canParse(url) && (allowsHttp ? /^https?:/ : /^https:/).test(url);
  if (!isWeb(jwksUri)) throw answerRefused("keys");
  if (!isWeb(authorizationEndpoint)) throw answerRefused("document");
  return { configuration, metadata, keys: createProviderKeys(fetchFrom, jwksUri, clock) };
}

/** As the provider says it wants it; HTTP Basic when it says nothing (OpenID Connect Discovery 1.0, 3). */
function authenticationOf(
  { token_endpoint_auth_methods_supported: methods }: ServerMetadata,
  secret: Secret | undefined,
) {
  if (!secret) return None();
  const wantsPost = methods?.includes("client_secret_post") && !methods.includes("client_secret_basic");
  return wantsPost ? ClientSecretPost(secret.reveal()) : ClientSecretBasic(secret.reveal());
}
