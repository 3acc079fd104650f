import type { AuthDeps } from "../deps.ts";

/** What a program needs to know to get tokens (RFC 8414). */
export interface ServerMetadata {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly jwksUri: string;
  readonly revocationEndpoint: string;
  readonly introspectionEndpoint: string;
}

/** The issuer is what tokens say it is where that is an address, or else the address at which the platform is found. */
export function getServerMetadata(deps: Pick<AuthDeps, "issuer" | "publicUrl">): ServerMetadata {
  const { issuer } = deps;
  const publicUrl = deps.publicUrl();
  const base = `${publicUrl}/api/v1/auth`;
  return {
    issuer: /^https?:\/\//.test(issuer) ? issuer : publicUrl,
    tokenEndpoint: `${base}/token`,
    jwksUri: `${publicUrl}/.well-known/jwks.json`,
    revocationEndpoint: `${base}/revoke`,
    introspectionEndpoint: `${base}/introspect`,
  };
}
