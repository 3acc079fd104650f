import type { Secret } from "@lyss/kit/config/secret.ts";
import type { AuthDeps } from "../deps.ts";
import { hashKeySecret, isKeySecret } from "../key-secret.ts";
import { earlier, type Key, keyStatus } from "../model.ts";
import { permissionsNow } from "../session-model.ts";

export type KeyVerdict =
  | {
      readonly isVerified: true;
      readonly key: Key;
      /** When this secret stops working, by expiry or by the end of a grace period. */
      readonly expiresAt: Date | null;
    }
  | { readonly isVerified: false; readonly reason: "malformed" | "unknown" | "revoked" | "expired" | "barred" };

/**
 * Whose key a secret is, and what it may do now: what it was given, as far as its person's role and groups hold that still. Junk is
 * refused by its checksum, without a look-up. Notes the use.
 */
export async function verifyKey(
  { store, clock, pepper, lastUsed }: Pick<AuthDeps, "store" | "clock" | "pepper" | "lastUsed">,
  { secret }: { readonly secret: Secret },
): Promise<KeyVerdict> {
  const text = secret.reveal();
  if (!isKeySecret(text)) return { isVerified: false, reason: "malformed" };
  const key = await store.findKeyBySecretHash(hashKeySecret(pepper, text));
  if (!key) return { isVerified: false, reason: "unknown" };
  const expiresAt = earlier(key.expiresAt, key.secretExpiresAt);
  const status = keyStatus({ revokedAt: key.revokedAt, expiresAt }, clock.nowMs());
  if (status !== "active") return { isVerified: false, reason: status };
  if (key.isBarred) return { isVerified: false, reason: "barred" };
  lastUsed.note(key.keyId);
  return { isVerified: true, key: { ...key, permissions: permissionsNow(key, null) }, expiresAt };
}
