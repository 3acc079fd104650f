import { keyRevoked } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { toKeyRevoked } from "../messages.ts";
import type { Author, Key } from "../model.ts";
import type { KeyReference } from "./get-key.ts";

export interface RevokeKeyInput extends KeyReference {
  /** The platform itself when left out. */
  readonly author?: Author;
  /** `revoked` when left out. */
  readonly reason?: "revoked" | "leaked";
}

const platform: Author = { userId: "", clientAddress: "" };

/** Refuses the key from now on, and tells every node. Throws `key_not_found`. A repeat is safe and says nothing new. */
export async function revokeKey(
  { db, store, outbox, clock }: Pick<AuthDeps, "db" | "store" | "outbox" | "clock">,
  { tenantId, keyId, userId, author = platform, reason = "revoked" }: RevokeKeyInput,
): Promise<Key> {
  return db.transaction(async (tx) => {
    const key = await store.lockKey(tx, tenantId, keyId, userId);
    if (!key) throw new Failure(authFailures.key_not_found);
    if (key.revokedAt) return key;
    const revokedAt = new Date(clock.nowMs());
    await store.revokeKey(tx, key.keyId, revokedAt);
    await outbox.append(tx, keyRevoked, toKeyRevoked(key, reason, revokedAt, author));
    return { ...key, revokedAt };
  });
}
