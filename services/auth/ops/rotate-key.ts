import { keyRevoked } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { generateKeySecret, hashKeySecret, prefixOf } from "../key-secret.ts";
import { toKeyRevoked } from "../messages.ts";
import { type Grantor, keyStatus } from "../model.ts";
import { requireHeld } from "../require-held.ts";
import type { KeyWithSecret } from "./create-key.ts";
import type { KeyReference } from "./get-key.ts";

export interface RotateKeyInput extends KeyReference {
  /** How long the secret before still works, 0 to 86,400. */
  readonly graceSeconds: number;
  readonly grantor: Grantor;
  /** Where the grantor's connection came from, when that is known. */
  readonly clientAddress?: string | undefined;
}

/**
 * Gives the key a new secret, shown this once. The one before works for the grace period; one that was in a grace period
 * already stops at once, so that at most two ever work. Throws `key_not_found`, `key_inactive`, and what `createKey`
 * throws: who rotates a key learns its secret, and must hold what the key holds. A repeat makes another secret.
 */
export async function rotateKey(deps: AuthDeps, input: RotateKeyInput): Promise<KeyWithSecret> {
  const { db, store, outbox, clock, random, pepper } = deps;
  const { tenantId, keyId, userId, graceSeconds, grantor, clientAddress = "" } = input;
  const secret = generateKeySecret(random);
  const prefix = prefixOf(secret);
  const createdAt = new Date(clock.nowMs());
  const endOfGrace = new Date(createdAt.getTime() + graceSeconds * 1_000);

  const key = await db.transaction(async (tx) => {
    const found = await store.lockKey(tx, tenantId, keyId, userId);
    if (!found) throw new Failure(authFailures.key_not_found);
    if (keyStatus(found, createdAt.getTime()) !== "active") throw new Failure(authFailures.key_inactive);
    requireHeld(grantor, found);
    await store.deleteExpiringSecrets(tx, found.keyId);
    await store.expireSecrets(tx, found.keyId, endOfGrace);
    // Who had the secret before may have made some.
    await store.endEphemeralKeys(tx, found.keyId, endOfGrace);
    await store.insertKeySecret(tx, { keyId: found.keyId, secretHash: hashKeySecret(pepper, secret), createdAt });
    await store.updatePrefix(tx, found.keyId, prefix);
    const author = { userId: grantor.userId, clientAddress };
    await outbox.append(tx, keyRevoked, toKeyRevoked(found, "rotated", endOfGrace, author));
    return { ...found, prefix };
  });
  return { key, secret: new Secret(secret) };
}
