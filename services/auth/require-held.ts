import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { findModelNotHeld, findPermissionNotHeld, type Grantor, type Key } from "./model.ts";

/** Keeps a key from having more than its grantor. Throws `permission_not_held` or `model_not_held`. */
export function requireHeld(grantor: Grantor, wanted: Pick<Key, "permissions" | "models">): void {
  const permission = findPermissionNotHeld(grantor, wanted.permissions);
  if (permission !== undefined) throw new Failure(authFailures.permission_not_held, { permission });
  const model = findModelNotHeld(grantor, wanted.models);
  if (model !== undefined) throw new Failure(authFailures.model_not_held, { model });
}
