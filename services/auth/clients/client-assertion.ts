import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createLocalJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import type { AuthDeps } from "../deps.ts";
import { getServerMetadata } from "../ops/get-server-metadata.ts";
import { assertionAlgorithms, type ClientKeys, type PublicJwk } from "./client-jwks.ts";

/** Of clocks that differ. */
const toleranceSeconds = 30;
const maxLifetimeMs = 300_000;
const maxJtiLength = 255;
/** What may stand in `typ`; an access token or an ID token is no assertion. */
const types: ReadonlySet<unknown> = new Set([undefined, "JWT", "jwt", "client-authentication+jwt"]);

/** An assertion that is good once. */
export interface ClientAssertion {
  readonly jti: string;
  /** Until when it could be used again. */
  readonly expiresAt: Date;
}

type AssertionDeps = Pick<AuthDeps, "clientKeySets" | "clock" | "issuer" | "publicUrl">;

/**
 * Checks what a client has signed of itself (RFC 7523, 3; OpenID Connect Core 1.0, 9): by one of its keys, as issuer and subject,
 * for this token endpoint or issuer and nobody else, with an end within five minutes and a name of its own. Throws
 * `client_refused`, and `client_keys_unavailable` where keys at an address cannot be had.
 */
export async function readClientAssertion(
  deps: AssertionDeps,
  { clientId, jwks, jwksUri }: ClientKeys & { readonly clientId: string },
  assertion: string,
): Promise<ClientAssertion> {
  const verify = (keys: readonly PublicJwk[]) => verifyBy(deps, keys, clientId, assertion);
  if (jwks) return verify(jwks.keys);
  if (!jwksUri) throw new Failure(authFailures.client_refused);
  try {
    return await verify(await deps.clientKeySets.keysOf(jwksUri));
  } catch (err) {
    const isKeyUnknown = err instanceof Failure && err.cause instanceof errors.JWKSNoMatchingKey;
    if (!isKeyUnknown || !deps.clientKeySets.renew(jwksUri)) throw err;
    return verify(await deps.clientKeySets.keysOf(jwksUri));
  }
}

async function verifyBy(
  deps: AssertionDeps,
  keys: readonly PublicJwk[],
  clientId: string,
  assertion: string,
): Promise<ClientAssertion> {
  const nowMs = deps.clock.nowMs();
  const verified = await jwtVerify(assertion, createLocalJWKSet({ keys: keys as never }), {
    ...{ issuer: clientId, subject: clientId, audience: audiencesOf(deps), algorithms: [...assertionAlgorithms] },
    ...{ requiredClaims: ["iss", "sub", "aud", "exp", "jti"], clockTolerance: toleranceSeconds },
    currentDate: new Date(nowMs),
  }).catch((cause: unknown) => {
    throw new Failure(authFailures.client_refused, {}, { cause });
  });
  const found = types.has(verified.protectedHeader.typ) && readClaims(verified.payload, nowMs);
  if (!found) throw new Failure(authFailures.client_refused);
  return found;
}

function readClaims({ aud, exp = 0, jti }: JWTPayload, nowMs: number): ClientAssertion | undefined {
  // One that names others, too, could be shown here by those.
  const isForUsAlone = typeof aud === "string" || aud?.length === 1;
  const endMs = (exp + toleranceSeconds) * 1_000;
  const isShort = endMs <= nowMs + maxLifetimeMs + 2 * toleranceSeconds * 1_000;
  const isNamed = typeof jti === "string" && jti !== "" && jti.length <= maxJtiLength;
  return isForUsAlone && isShort && isNamed ? { jti, expiresAt: new Date(endMs) } : undefined;
}

function audiencesOf(deps: AssertionDeps): string[] {
  const { issuer, tokenEndpoint } = getServerMetadata(deps);
  return [issuer, tokenEndpoint];
}
