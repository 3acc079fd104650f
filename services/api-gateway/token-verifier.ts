import type { Client } from "@connectrpc/connect";
import type { AuthService, GetJwksResponse } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { type CryptoKey, decodeProtectedHeader, errors, importJWK, jwtVerify } from "jose";

/** Checks access tokens with auth's public keys, kept here. */
export interface TokenVerifier {
  /** The token's caller, or undefined when it is refused. Rejects when auth's keys cannot be had. */
  callerOf(token: string): Promise<Caller | undefined>;
}

interface KeySet {
  readonly keys: ReadonlyMap<string, CryptoKey | Uint8Array>;
  readonly issuer: string;
  readonly audience: string;
  readonly fetchedMs: number;
}

/** A key that auth no longer publishes is refused after this at the latest. */
const maxAgeMs = 300_000;
/** Unknown key ids make us ask no more often than this, however many arrive. */
const refetchAfterMs = 30_000;

export function createTokenVerifier(auth: Client<typeof AuthService>, clock: Clock): TokenVerifier {
  let current: KeySet | undefined;
  let fetching: Promise<KeySet> | undefined;

  function fetchKeys(): Promise<KeySet> {
    fetching ??= auth
      .getJwks({})
      .then((answer) => toKeySet(answer, clock.monotonicMs()))
      .then((keySet) => {
        current = keySet;
        return keySet;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  async function keySetFor(kid: string): Promise<KeySet> {
    const ageMs = current ? clock.monotonicMs() - current.fetchedMs : Number.POSITIVE_INFINITY;
    if (!current || ageMs >= maxAgeMs) return fetchKeys();
    return !current.keys.has(kid) && ageMs >= refetchAfterMs ? fetchKeys() : current;
  }

  return {
    async callerOf(token) {
      const kid = readKid(token);
      if (kid === undefined) return undefined;
      const { keys, issuer, audience } = await keySetFor(kid);
      const key = keys.get(kid);
      if (!key) return undefined;
      try {
        const { payload } = await jwtVerify(token, key, {
          ...{ issuer, audience, algorithms: ["EdDSA"], typ: "at+jwt" },
          requiredClaims: ["sub", "exp", "iat", "tenant_id", "permissions", "sid", "auth_time"],
          currentDate: new Date(clock.nowMs()),
        });
        return toCaller(payload);
      } catch (err) {
        if (err instanceof errors.JOSEError) return undefined;
        throw err;
      }
    },
  };
}

function readKid(token: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(token);
    return typeof kid === "string" && kid.length <= 64 ? kid : undefined;
  } catch {
    return undefined;
  }
}

async function toKeySet({ keys, issuer, audience }: GetJwksResponse, fetchedMs: number): Promise<KeySet> {
  const imported = await Promise.all(
    keys.map(async ({ kty, crv, x, kid }) => [kid, await importJWK({ kty, crv, x }, "EdDSA")] as const),
  );
  return { keys: new Map(imported), issuer, audience, fetchedMs };
}

function toCaller(payload: Readonly<Record<string, unknown>>): Caller | undefined {
  const { sub, sid, auth_time: signedInSeconds, tenant_id: tenantId, permissions } = payload;
  if (typeof sub !== "string" || typeof tenantId !== "string" || tenantId === "") return undefined;
  if (!Array.isArray(permissions) || !permissions.every((permission) => typeof permission === "string"))
    return undefined;
  if (typeof sid !== "string" || sid === "" || typeof signedInSeconds !== "number") return undefined;
  const signedInMs = signedInSeconds * 1_000;
  return { tenantId, userId: sub, keyId: "", sessionId: sid, signedInMs, factorMs: 0, permissions, models: [] };
}
