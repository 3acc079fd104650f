import { isBuiltInRole } from "@lyss/contracts/access/roles.ts";
import { roleCreated } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { sayAccessChanged } from "../say-access-changed.ts";
import { toRoleChanged } from "./role-messages.ts";
import { maxRolesPerTenant, type Role } from "./role-model.ts";
import { requireHeldByAuthor, requireReach, type TenantReference } from "./role-reference.ts";

export interface CreateRoleInput extends TenantReference {
  /** As `roleFields` give them, here and below. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly permissions: readonly string[];
}

/**
 * Makes a role of a tenant, which holds no more than who makes it. Throws `tenant.not_found`, `role_built_in`, `permission_not_held`,
 * `role_exists` and `too_many_roles`. The names of a tenant's roles differ, so a repeat makes no second one.
 */
export async function createRole(deps: AuthDeps, input: CreateRoleInput): Promise<Role> {
  const { db, roles, outbox, clock } = deps;
  const { tenantId, author, name, title, description, permissions } = input;
  await requireReach(deps, input);
  if (isBuiltInRole(name)) throw new Failure(authFailures.role_built_in, { role: name });
  requireHeldByAuthor(author, permissions);
  const now = new Date(clock.nowMs());
  const role: Role = {
    ...{ tenantId, name, title, description, permissions, version: 1, createdAt: now, updatedAt: now },
  };
  await db.transaction(async (tx) => {
    await roles.lockTenant(tx, tenantId);
    const isFull = (await roles.countRoles(tx, tenantId)) >= maxRolesPerTenant;
    if (isFull) throw new Failure(authFailures.too_many_roles, { limit: maxRolesPerTenant });
    if (!(await roles.insertRole(tx, role))) throw new Failure(authFailures.role_exists, { role: name });
    await outbox.append(tx, roleCreated, toRoleChanged(role, author));
    // Somebody may have been given one of that name just before it was removed.
    await sayAccessChanged(deps, tx, { tenantId, userId: "" });
  });
  return role;
}
