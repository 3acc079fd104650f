import { findNotHeld, isBuiltInRole } from "@lyss/contracts/access/roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import type { Role, RoleAuthor } from "./role-model.ts";

/** Names a tenant within what the author may know of. */
export interface TenantReference {
  readonly tenantId: string;
  readonly author: RoleAuthor;
}

/** Names a role of a tenant. */
export interface RoleReference extends TenantReference {
  readonly name: string;
  /** Undefined when any version will do. */
  readonly expectedVersion?: number | undefined;
}

/** Held by those who reach every tenant. */
const manageTenantsPermission = "platform:tenants";

/** Throws `tenant.not_found` for another tenant than the author's own, unless the author operates the installation and there is one. */
export async function requireReach(
  { roles }: Pick<AuthDeps, "roles">,
  { tenantId, author }: TenantReference,
): Promise<void> {
  if (tenantId === author.tenantId) return;
  const isReached = permits(author.permissions, manageTenantsPermission) && (await roles.hasTenant(tenantId));
  if (!isReached) throw new Failure(tenantFailures.not_found);
}

/** The role, locked until the transaction ends. Throws `role_built_in`, `role_not_found`, `role_version_mismatch` and `role_above_own`. */
export async function lockRole(
  { roles }: Pick<AuthDeps, "roles">,
  tx: Tx,
  { tenantId, name, expectedVersion, author }: RoleReference,
): Promise<Role> {
  if (isBuiltInRole(name)) throw new Failure(authFailures.role_built_in, { role: name });
  const role = await roles.lockRole(tx, tenantId, name);
  if (!role) throw new Failure(authFailures.role_not_found);
  if (expectedVersion !== undefined && expectedVersion !== role.version) {
    throw new Failure(authFailures.role_version_mismatch, { current: role.version, expected: expectedVersion });
  }
  const permission = findNotHeld(author.permissions, role.permissions);
  if (permission !== undefined) throw new Failure(authFailures.role_above_own, { role: name, permission });
  return role;
}

/** Throws `permission_not_held` for what the author would put into a role without holding it. */
export function requireHeldByAuthor({ permissions: held }: RoleAuthor, wanted: readonly string[]): void {
  const permission = findNotHeld(held, wanted);
  if (permission !== undefined) throw new Failure(authFailures.permission_not_held, { permission });
}
