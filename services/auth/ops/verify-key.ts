import type { Secret } from "@lyss/kit/config/secret.ts";
import type { AuthDeps } from "../deps.ts";
import { hashKeySecret, isEphemeralSecret, isKeySecret } from "../key-secret.ts";
import type { HeldLimit } from "../limits/subject-limits.ts";
import { earlier, type Key, keyStatus } from "../model.ts";
import { permissionsNow } from "../session-model.ts";
import type { RecognisedEphemeralKey } from "../store.ts";

export type KeyVerdict =
  | {
      readonly isVerified: true;
      readonly key: Key;
      /** When this secret stops working, by expiry or by the end of a grace period. */
      readonly expiresAt: Date | null;
      /** Of the person it acts for, and of that person's groups. */
      readonly heldLimits: readonly HeldLimit[];
      /** Of a secret that only stands for the key. */
      readonly ephemeral: { readonly ephemeralKeyId: string; readonly beginsUntil: Date } | null;
    }
  | { readonly isVerified: false; readonly reason: "malformed" | "unknown" | "revoked" | "expired" | "barred" };

/**
 * Whose key a secret is, and what it may do now: what it was given, as far as its person's role and groups hold that still; by what stands for a
 * key, of that no more than it says. Junk is refused by its checksum, without a look-up. Notes the use.
 */
export async function verifyKey(
  { store, clock, pepper, lastUsed }: Pick<AuthDeps, "store" | "clock" | "pepper" | "lastUsed">,
  { secret }: { readonly secret: Secret },
): Promise<KeyVerdict> {
  const text = secret.reveal();
  const isEphemeral = isEphemeralSecret(text);
  if (!isEphemeral && !isKeySecret(text)) return { isVerified: false, reason: "malformed" };
  const hash = hashKeySecret(pepper, text);
  const ephemeral = isEphemeral ? await store.findKeyByEphemeralHash(hash) : undefined;
  const key = isEphemeral ? ephemeral : await store.findKeyBySecretHash(hash);
  if (!key) return { isVerified: false, reason: "unknown" };
  const expiresAt = earlier(key.expiresAt, key.secretExpiresAt);
  const status = keyStatus({ revokedAt: key.revokedAt, expiresAt }, clock.nowMs());
  if (status !== "active") return { isVerified: false, reason: status };
  if (key.isBarred) return { isVerified: false, reason: "barred" };
  lastUsed.note(key.keyId);
  if (ephemeral) return judgeEphemeral(ephemeral, expiresAt);
  const { heldLimits } = key;
  const permissions = permissionsNow(key, null);
  return { isVerified: true, key: { ...key, permissions }, expiresAt, heldLimits, ephemeral: null };
}

/** Of models none is left, not all, where the key may use none of them any more. */
function judgeEphemeral(key: RecognisedEphemeralKey, expiresAt: Date | null): KeyVerdict {
  const { ephemeralKeyId, beginsUntil, ephemeralPermissions, ephemeralModels } = key;
  const models = ephemeralModels.filter((model) => key.models.length === 0 || key.models.includes(model));
  if (models.length === 0) return { isVerified: false, reason: "revoked" };
  const permissions = permissionsNow(key, ephemeralPermissions);
  return {
    ...{ isVerified: true, key: { ...key, permissions, models }, expiresAt, heldLimits: key.heldLimits },
    ephemeral: { ephemeralKeyId, beginsUntil },
  };
}
