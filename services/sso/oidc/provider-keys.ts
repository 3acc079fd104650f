import { Failure } from "@lyss/kit/errors/failure.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { fetchJwks } from "@lyss/kit/oauth/fetch-jwks.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { answerRefused } from "../answer-refused.ts";

/** Signatures that only the provider can make: no HMAC, whose key the client has too, and never `none`. */
export const signatureAlgorithms = [
  "RS256",
  "PS256",
  "ES256",
  "RS384",
  "PS384",
  "ES384",
  "RS512",
  "PS512",
  "ES512",
  "EdDSA",
];
/** Of clocks that differ. */
const toleranceSeconds = 60;

/** The public keys of one provider. */
export interface ProviderKeys {
  /** Fetches the keys. Throws as `verify` does. */
  load(): Promise<unknown>;
  /**
   * The claims of a token that the provider signed, within its time. Keys are fetched anew when none fits; for tokens that
   * anybody may send, at most once in `minRefetchMs`. Throws `sso.answer_refused` and a FetchError.
   */
  verify(token: string, options: JWTVerifyOptions, minRefetchMs: number): Promise<JWTPayload>;
}

export function createProviderKeys(fetchFrom: GuardedFetch, jwksUri: string, clock: Clock): ProviderKeys {
  let keySet: ReturnType<typeof createLocalJWKSet> | undefined;
  let fetchedMs = Number.NEGATIVE_INFINITY;

  async function load(): Promise<ReturnType<typeof createLocalJWKSet>> {
    fetchedMs = clock.monotonicMs();
    const keys = await fetchJwks(fetchFrom, jwksUri);
    if (!keys) throw answerRefused("keys");
    keySet = createLocalJWKSet({ keys } as unknown as JSONWebKeySet);
    return keySet;
  }

  return {
    load,
    async verify(token, options, minRefetchMs) {
      const checks: JWTVerifyOptions = {
        ...{ algorithms: signatureAlgorithms, clockTolerance: toleranceSeconds, requiredClaims: ["iat"] },
        ...{ currentDate: new Date(clock.nowMs()), ...options },
      };
      try {
        return (await jwtVerify(token, keySet ?? (await load()), checks)).payload;
      } catch (err) {
        if (!(err instanceof errors.JWKSNoMatchingKey)) throw toRefusal(err);
        if (clock.monotonicMs() - fetchedMs < minRefetchMs) throw answerRefused("signature", err);
        return jwtVerify(token, await load(), checks).then(
          ({ payload }) => payload,
          (again) => {
            throw toRefusal(again);
          },
        );
      }
    },
  };
}

function toRefusal(err: unknown): unknown {
  if (err instanceof Failure || !(err instanceof errors.JOSEError)) return err;
  if (err instanceof errors.JWTExpired) return answerRefused("expired", err);
  if (err instanceof errors.JWTClaimValidationFailed) {
    if (err.claim === "iss") return answerRefused("issuer", err);
    if (err.claim === "aud") return answerRefused("audience", err);
    return answerRefused("claims", err);
  }
  return answerRefused("signature", err);
}
