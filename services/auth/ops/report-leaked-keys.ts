import type { Secret } from "@lyss/kit/config/secret.ts";
import { clientSecretPrefix } from "../clients/client-model.ts";
import { disableLeakedClient } from "../clients/disable-leaked-client.ts";
import type { AuthDeps } from "../deps.ts";
import { hashKeySecret, isKeySecret, isSecret } from "../key-secret.ts";
import { revokeKey } from "./revoke-key.ts";

export interface ReportLeakedKeysInput {
  /** 1 to 100. */
  readonly secrets: readonly Secret[];
  /** Where the report came from; empty when that is not known. */
  readonly clientAddress: string;
}

/**
 * Revokes the keys, and disables the service clients, of secrets that were found where they should not be, and tells every node. Gives for each
 * secret, in order, whether it was one of ours. Who has the secret proves by that alone that it is out. Junk is told by its
 * checksum, without a look-up. A secret whose grace period is over revokes nothing: it opens nothing any more. A repeat is
 * safe and gives the same.
 */
export async function reportLeakedKeys(
  deps: AuthDeps,
  { secrets, clientAddress }: ReportLeakedKeysInput,
): Promise<readonly boolean[]> {
  const { store, clock, pepper } = deps;
  const hashes = secrets.map((secret) => {
    const text = secret.reveal();
    return isKeySecret(text) ? hashKeySecret(pepper, text) : undefined;
  });
  const wanted = hashes.filter((hash) => hash !== undefined);
  const found = wanted.length > 0 ? await store.listKeysBySecretHash(wanted) : [];
  const now = new Date(clock.nowMs());
  const author = { userId: "", clientAddress };
  for (const { keyId, tenantId, secretExpiresAt } of found) {
    if (secretExpiresAt && secretExpiresAt <= now) continue;
    await revokeKey(deps, { tenantId, keyId, userId: undefined, author, reason: "leaked" });
  }
  const known = new Set(found.map(({ secretHash }) => secretHash.toString("hex")));
  const ofClients = new Set<string>();
  for (const text of new Set(secrets.map((secret) => secret.reveal()))) {
    if (!isSecret(text, clientSecretPrefix)) continue;
    if (await disableLeakedClient(deps, { secret: text, clientAddress })) ofClients.add(text);
  }
  return hashes.map((hash, index) =>
    hash ? known.has(hash.toString("hex")) : ofClients.has(secrets[index]?.reveal() ?? ""),
  );
}
