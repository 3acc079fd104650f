import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { createLru } from "@lyss/kit/cache/lru.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { fetchJwks } from "@lyss/kit/oauth/fetch-jwks.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { maxClientKeys, type PublicJwk, readJwk } from "./client-jwks.ts";

/** The keys that clients keep at addresses of their own. */
export interface ClientKeySets {
  /** Those of an address, five minutes old at most. Throws `client_keys_unavailable`, and the next is tried after five seconds. */
  keysOf(jwksUri: string): Promise<readonly PublicJwk[]>;
  /** Whether there may be others by now: anybody may send assertions, so each address is asked again after 30 s at the soonest. */
  renew(jwksUri: string): boolean;
}

interface KeySet {
  readonly keys: Promise<readonly PublicJwk[]>;
  readonly fetchedMs: number;
  maxAgeMs: number;
}

const maxAgeMs = 300_000;
const minRefetchMs = 30_000;
/** Where none could be had. */
const failedAgeMs = 5_000;
const maxEntries = 1_000;

export function createClientKeySets(fetchFrom: GuardedFetch, clock: Clock): ClientKeySets {
  const known = createLru<KeySet>({ maxEntries });
  const ageOf = ({ fetchedMs }: KeySet) => clock.monotonicMs() - fetchedMs;

  async function load(jwksUri: string): Promise<readonly PublicJwk[]> {
    const given = await fetchJwks(fetchFrom, jwksUri).catch(() => undefined);
    // Others may be there for other ends.
    const keys = given?.map(readJwk).filter((key) => typeof key !== "string") ?? [];
    if (keys.length === 0 || keys.length > maxClientKeys) throw new Failure(authFailures.client_keys_unavailable);
    return keys;
  }

  return {
    keysOf(jwksUri) {
      const found = known.get(jwksUri);
      if (found && ageOf(found) < found.maxAgeMs) return found.keys;
      const keySet = { keys: load(jwksUri), fetchedMs: clock.monotonicMs(), maxAgeMs };
      keySet.keys.catch(() => {
        keySet.maxAgeMs = failedAgeMs;
      });
      known.set(jwksUri, keySet);
      return keySet.keys;
    },
    renew(jwksUri) {
      const found = known.get(jwksUri);
      if (found && ageOf(found) < minRefetchMs) return false;
      known.delete(jwksUri);
      return true;
    },
  };
}
