import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireNoClient } from "./clients/client-reference.ts";
import type { AuthDeps } from "./deps.ts";
import { isUnlimited } from "./key-limits.ts";
import { earlier, findModelNotHeld, findPermissionNotHeld, type Grantor, type Key } from "./model.ts";

/** Keeps a key from having more than its grantor. Throws `permission_not_held` or `model_not_held`. */
export function requireHeld(grantor: Grantor, wanted: Pick<Key, "permissions" | "models">): void {
  const permission = findPermissionNotHeld(grantor, wanted.permissions);
  if (permission !== undefined) throw new Failure(authFailures.permission_not_held, { permission });
  const model = findModelNotHeld(grantor, wanted.models);
  if (model !== undefined) throw new Failure(authFailures.model_not_held, { model });
}

export interface WantedTerm {
  readonly tenantId: string;
  readonly grantor: Grantor;
  /** Null for never. */
  readonly wanted: Date | null;
}

/**
 * When a key that the grantor gives ends. One that is given by an API key ends with it at the latest. Throws
 * `expiry_not_held`, `key_limited` where the grantor's own key is limited, for another one would be beside its limits, and
 * `client_gives_nothing`.
 */
export async function requireTerm(
  { store }: Pick<AuthDeps, "store">,
  { tenantId, grantor, wanted }: WantedTerm,
): Promise<Date | null> {
  requireNoClient(grantor);
  if (!grantor.keyId) return wanted;
  const own = await store.findKey(tenantId, grantor.keyId, undefined);
  if (!own || !isUnlimited(own.limits)) throw new Failure(authFailures.key_limited);
  const { expiresAt } = own;
  if (wanted && expiresAt && wanted > expiresAt) {
    throw new Failure(authFailures.expiry_not_held, { expiresAt: expiresAt.toISOString() });
  }
  return earlier(wanted, expiresAt);
}
