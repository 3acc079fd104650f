import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { isSelf, type PersonReference, requireAbove } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";
import { exportUsersPermission } from "./export-model.ts";

/**
 * The person, whose export the actor may have: people their own, with `user:export` that of everybody in the tenant whose role is not above
 * their own. Throws `not_found`, `role_above_own` and `kit.permission_denied`.
 */
export async function requireExporter(
  deps: Pick<UserDeps, "people" | "auth">,
  tx: Tx,
  { userId, tenantId, actor }: PersonReference,
): Promise<User> {
  const person = await deps.people.readUser(tx, userId);
  if (!person || (tenantId !== undefined && person.tenantId !== tenantId)) throw new Failure(userFailures.not_found);
  if (!isSelf(actor, person)) await requireAbove(deps, tx, actor, person, exportUsersPermission);
  return person;
}
