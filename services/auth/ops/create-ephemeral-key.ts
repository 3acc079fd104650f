import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { generateEphemeralSecret, hashKeySecret } from "../key-secret.ts";
import { findModelNotHeld, keyStatus } from "../model.ts";

export interface CreateEphemeralKeyInput {
  readonly tenantId: string;
  readonly keyId: string;
  /** What it permits, as far as the key does. */
  readonly permissions: readonly string[];
  /** At least one. */
  readonly models: readonly string[];
  readonly ttlSeconds: number;
}

export interface EphemeralKeyWithSecret {
  readonly ephemeralKeyId: string;
  readonly secret: Secret;
  readonly expiresAt: Date;
}

/**
 * A secret that stands for a key until the time is over, for what a browser may hold: it permits no more than it says and than the key does
 * at each moment, is held to the key's limits, and ends with it, or with the grace of its rotation. Shown this once, and stored as a hash. Throws
 * `key_not_found`, `key_inactive` and `model_not_held`. A repeat makes another.
 */
export async function createEphemeralKey(
  { db, store, clock, random, pepper }: Pick<AuthDeps, "db" | "store" | "clock" | "random" | "pepper">,
  { tenantId, keyId, permissions, models, ttlSeconds }: CreateEphemeralKeyInput,
): Promise<EphemeralKeyWithSecret> {
  const secret = generateEphemeralSecret(random);
  const createdAt = new Date(clock.nowMs());
  const expiresAt = new Date(createdAt.getTime() + ttlSeconds * 1_000);
  const ephemeralKeyId = random.id("eph");
  await db.transaction(async (tx) => {
    // Locked, so that a rotation ends what was made before it.
    const key = await store.lockKey(tx, tenantId, keyId, undefined);
    if (!key) throw new Failure(authFailures.key_not_found);
    if (keyStatus(key, createdAt.getTime()) !== "active") throw new Failure(authFailures.key_inactive);
    const model = findModelNotHeld({ userId: "", permissions: [], models: key.models }, models);
    if (model !== undefined) throw new Failure(authFailures.model_not_held, { model });
    const secretHash = hashKeySecret(pepper, secret);
    const row = { ephemeralKeyId, secretHash, keyId: key.keyId, permissions, models, createdAt, expiresAt };
    await store.insertEphemeralKey(tx, row);
  });
  return { ephemeralKeyId, secret: new Secret(secret), expiresAt };
}
