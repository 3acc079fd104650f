import type { Client } from "@connectrpc/connect";
import type { AuthService, GetJwksResponse } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { type CryptoKey, importJWK } from "jose";

/** Auth's public keys as they were when they were last asked for. */
export interface KeySet {
  readonly keys: ReadonlyMap<string, CryptoKey | Uint8Array>;
  readonly issuer: string;
  readonly audience: string;
  readonly fetchedMs: number;
}

export interface KeySetCache {
  /** The set to look for that key in. Rejects when there is none that may still be used and auth is away. */
  keySetFor(kid: string): Promise<KeySet>;
  /** Whether the set at hand may still be used; one that gets old is asked for anew in the background. */
  isFresh(): boolean;
}

/** A key that auth no longer publishes is refused after this at the latest. */
const maxAgeMs = 300_000;
const refreshAfterMs = 150_000;
/** Unknown key ids make us ask no more often than this, however many arrive. */
const refetchAfterMs = 30_000;

/** `onRemoved` is called with the ids of keys that a new set no longer holds. */
export function createKeySetCache(
  auth: Client<typeof AuthService>,
  clock: Clock,
  onRemoved: (kids: ReadonlySet<string>) => void,
): KeySetCache {
  let current: KeySet | undefined;
  let fetching: Promise<KeySet> | undefined;
  let attemptedMs = Number.NEGATIVE_INFINITY;

  async function fetchNow(): Promise<KeySet> {
    attemptedMs = clock.monotonicMs();
    const fetched = await toKeySet(await auth.getJwks({}), attemptedMs);
    const removed = new Set([...(current?.keys.keys() ?? [])].filter((kid) => !fetched.keys.has(kid)));
    current = fetched;
    if (removed.size > 0) onRemoved(removed);
    return fetched;
  }

  function fetchOnce(): Promise<KeySet> {
    fetching ??= fetchNow().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  const mayAsk = () => clock.monotonicMs() - attemptedMs >= refetchAfterMs;
  const ageMs = () => (current ? clock.monotonicMs() - current.fetchedMs : Number.POSITIVE_INFINITY);

  return {
    async keySetFor(kid) {
      if (!current || ageMs() >= maxAgeMs) return fetchOnce();
      return !current.keys.has(kid) && mayAsk() ? fetchOnce() : current;
    },
    isFresh() {
      const age = ageMs();
      // A failure shows up when the set has run out.
      if (age >= refreshAfterMs && mayAsk()) fetchOnce().catch(() => undefined);
      return age < maxAgeMs;
    },
  };
}

async function toKeySet({ keys, issuer, audience }: GetJwksResponse, fetchedMs: number): Promise<KeySet> {
  const imported = await Promise.all(
    keys.map(async ({ kty, crv, x, kid }) => [kid, await importJWK({ kty, crv, x }, "EdDSA")] as const),
  );
  return { keys: new Map(imported), issuer, audience, fetchedMs };
}
