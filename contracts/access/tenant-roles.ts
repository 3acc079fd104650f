import type { Client } from "@connectrpc/connect";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { authFailures } from "../failures/auth.ts";
import type { AuthService } from "../gen/lyss/auth/v1/auth_pb.js";
import { findNotHeld, isBuiltInRole, permissionsByRole, permissionsOfRole } from "./roles.ts";

/** What asks auth for the roles of a tenant. */
export interface RoleSource {
  readonly auth: Pick<Client<typeof AuthService>, "listRoles">;
}

/**
 * What these roles may do in a tenant now; undefined where there is no such role. Auth is asked only where one is not built in. Throws
 * what auth does.
 */
export async function readRoles(
  { auth }: RoleSource,
  tenantId: string,
  names: readonly string[],
): Promise<(role: string) => readonly string[] | undefined> {
  const given = new Map<string, readonly string[]>();
  if (names.some((name) => name !== "" && !isBuiltInRole(name))) {
    const { roles } = await auth.listRoles({ tenantId });
    for (const { name, permissions } of roles) given.set(name, permissions);
  }
  return (role) => permissionsOfRole(role, given.get(role));
}

/** Whether a role holds no more than a member, whom every tenant takes in unless it says otherwise. */
export function isAtMostMember(permissions: readonly string[]): boolean {
  return findNotHeld(permissionsByRole["member"] ?? [], permissions) === undefined;
}

/**
 * Keeps a setting that gives people roles from giving more than who sets it holds; what a member holds may always be given. Throws
 * `role_unknown` and `role_above_own`. A repeat is safe.
 */
export async function requireGivableRoles(
  source: RoleSource,
  {
    tenantId,
    roles,
    held,
  }: { readonly tenantId: string; readonly roles: readonly string[]; readonly held: readonly string[] },
): Promise<void> {
  const permissionsOf = await readRoles(source, tenantId, roles);
  for (const role of roles) {
    const permissions = permissionsOf(role);
    if (!permissions) throw new Failure(authFailures.role_unknown, { role });
    const permission = isAtMostMember(permissions) ? undefined : findNotHeld(held, permissions);
    if (permission !== undefined) throw new Failure(authFailures.role_above_own, { role, permission });
  }
}
