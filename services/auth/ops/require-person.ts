import { permissionsOfRole } from "@lyss/contracts/access/roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import { findPermissionNotHeld, type Grantor, manageKeysPermission } from "../model.ts";

export interface RequirePersonInput {
  readonly tenantId: string;
  readonly userId: string;
  readonly grantor: Grantor;
}

/**
 * Lets those who manage keys act for others of their tenant: never for somebody who may do more than themselves, whose key
 * would reach what is that person's own. Throws `kit.permission_denied`, `person_not_found`, also for whoever is barred, and
 * `permission_not_held`.
 */
export async function requirePerson(
  { principals }: Pick<AuthDeps, "principals">,
  { tenantId, userId, grantor }: RequirePersonInput,
): Promise<void> {
  if (!permits(grantor.permissions, manageKeysPermission)) {
    throw new Failure(kitFailures.permission_denied, { permission: manageKeysPermission });
  }
  const person = await principals.findPrincipal(tenantId, userId);
  const held = person && permissionsOfRole(person.role, person.rolePermissions);
  if (!held || person.isBarred) throw new Failure(authFailures.person_not_found);
  const permission = findPermissionNotHeld(grantor, held);
  if (permission !== undefined) throw new Failure(authFailures.permission_not_held, { permission });
}
