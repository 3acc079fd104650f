import type { Client } from "@connectrpc/connect";
import type { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import { createCache } from "@lyss/kit/cache/cache.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Registry } from "prom-client";
import { originOf, type Provider } from "./model.ts";

/** Opened provider secrets, so that a call does not wait for the vault. */
export interface CredentialCache {
  /**
   * The provider's key, or an empty string when it needs none. At once for one that is known; calls that come together
   * open it once. Throws the credential service's failures.
   */
  secretOf(provider: Provider): string | Promise<string>;
  /** Gives a provider of this process a secret that is in no vault. */
  setLocal(providerId: string, secret: string): void;
  /** Drops a secret; one that is being opened is not remembered either. */
  forget(credentialId: string): void;
  forgetAll(): void;
}

/** A secret is asked for anew after this, so that a revocation whose event was lost holds all the same. */
const maxAgeMs = 60_000;
const maxEntries = 10_000;

export function createCredentialCache(
  credential: Client<typeof CredentialService>,
  { clock, random, metrics }: { readonly clock: Clock; readonly random: Random; readonly metrics?: Registry },
): CredentialCache {
  // In this process only: what is secret goes into no second tier.
  const secrets = createCache<string>({
    name: "ai-gateway.credential",
    ...{ clock, random, maxEntries, ttlMs: maxAgeMs, ...(metrics && { metrics }) },
  });
  const local = new Map<string, string>();

  function openSecret({ credentialId, baseUrl }: Provider): string | Promise<string> {
    const load = async () =>
      (await credential.revealCredential({ credentialId, origin: originOf({ baseUrl }) })).secret;
    // A secret is good for the address that the vault let it be opened for, and for no other.
    const secret = secrets.get(`${credentialId} ${baseUrl}`, load, { tags: [credentialId] });
    return secret instanceof Promise ? secret.then((opened = "") => opened) : (secret ?? "");
  }

  return {
    secretOf(provider) {
      const own = local.get(provider.providerId);
      return own !== undefined || provider.credentialId === "" ? (own ?? "") : openSecret(provider);
    },
    setLocal: (providerId, secret) => void local.set(providerId, secret),
    forget: (credentialId) => void secrets.forgetTags(credentialId),
    forgetAll: () => void secrets.forgetAll(),
  };
}
