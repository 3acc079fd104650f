import type { Client } from "@connectrpc/connect";
import type { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { originOf, type Provider } from "./model.ts";

/** Opened provider secrets, so that a call does not wait for the vault. */
export interface CredentialCache {
  /** The provider's key, or an empty string when it needs none. Throws the credential service's failures. */
  secretOf(provider: Provider): string | Promise<string>;
  /** Gives a provider of this process a secret that is in no vault. */
  setLocal(providerId: string, secret: string): void;
  forget(credentialId: string): void;
  forgetAll(): void;
}

/** A secret is asked for anew after this, so that a revocation whose event was lost holds all the same. */
const maxAgeMs = 60_000;

export function createCredentialCache(credential: Client<typeof CredentialService>, clock: Clock): CredentialCache {
  const secrets = new Map<string, { readonly secret: string; readonly until: number }>();
  const local = new Map<string, string>();

  async function reveal({ credentialId, baseUrl }: Provider): Promise<string> {
    const { secret } = await credential.revealCredential({ credentialId, origin: originOf({ baseUrl }) });
    secrets.set(credentialId, { secret, until: clock.monotonicMs() + maxAgeMs });
    return secret;
  }

  return {
    secretOf(provider) {
      const own = local.get(provider.providerId);
      if (own !== undefined || provider.credentialId === "") return own ?? "";
      const cached = secrets.get(provider.credentialId);
      return cached && cached.until > clock.monotonicMs() ? cached.secret : reveal(provider);
    },
    setLocal: (providerId, secret) => void local.set(providerId, secret),
    forget: (credentialId) => void secrets.delete(credentialId),
    forgetAll: () => secrets.clear(),
  };
}
