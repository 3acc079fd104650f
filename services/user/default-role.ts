import { findNotHeld, isBuiltInRole, permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { readRoles } from "@lyss/contracts/access/tenant-roles.ts";
import type { UserDeps } from "./deps.ts";
import type { Role } from "./model.ts";

/**
 * What people of a tenant become who come in without anybody having said so: as its settings say, the least where there is no such role
 * any more. Throws what the tenant service and auth do.
 */
export async function findDefaultRole(
  { tenants, auth }: Pick<UserDeps, "tenants" | "auth">,
  tenantId: string,
): Promise<Role> {
  const { tenant } = await tenants.getTenant({ tenantId });
  const role = tenant?.settings?.defaultRole || "member";
  // Nobody becomes more than a member by a built-in role and by coming in.
  if (isBuiltInRole(role)) return role === "member" ? role : "viewer";
  return findRole({ auth }, tenantId, role);
}

/** The role, or the least where the tenant has none of that name. */
export async function findRole({ auth }: Pick<UserDeps, "auth">, tenantId: string, role: Role): Promise<Role> {
  const permissionsOf = await readRoles({ auth }, tenantId, [role]);
  return permissionsOf(role) ? role : "viewer";
}

/** Whether a role holds no more than an admin, up to whom a sign-on connection decides. One that there is not holds nothing. */
export async function isAtMostAdmin({ auth }: Pick<UserDeps, "auth">, tenantId: string, role: Role): Promise<boolean> {
  const permissionsOf = await readRoles({ auth }, tenantId, [role]);
  return findNotHeld(permissionsByRole["admin"] ?? [], permissionsOf(role) ?? []) === undefined;
}
