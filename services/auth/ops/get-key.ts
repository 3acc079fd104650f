import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import type { Key } from "../model.ts";

/** Names a key within what the caller may know of. */
export interface KeyReference {
  readonly tenantId: string;
  readonly keyId: string;
  /** When given, a key that acts for another person is not found. */
  readonly userId: string | undefined;
}

/** The key. Throws `key_not_found`, also for one of another tenant. */
export async function getKey(
  { store }: Pick<AuthDeps, "store">,
  { tenantId, keyId, userId }: KeyReference,
): Promise<Key> {
  const key = await store.findKey(tenantId, keyId, userId);
  if (!key) throw new Failure(authFailures.key_not_found);
  return key;
}
