import type { AuthDeps } from "../deps.ts";
import type { PublicJwk } from "../signing-keys.ts";

/** What a verifier of access tokens needs: the public keys, and what `iss` and `aud` must be. */
export function getJwks({ signingKeys, issuer, audience }: Pick<AuthDeps, "signingKeys" | "issuer" | "audience">): {
  readonly keys: readonly PublicJwk[];
  readonly issuer: string;
  readonly audience: string;
} {
  return { keys: signingKeys.listPublic(), issuer, audience };
}
