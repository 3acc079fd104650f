import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { type CreateRoleInput, createRole } from "./create-role.ts";
import { removeRole } from "./remove-role.ts";
import type { Role, RoleUse } from "./role-model.ts";
import { type RoleReference, requireReach, type TenantReference } from "./role-reference.ts";
import { type UpdateRoleInput, updateRole } from "./update-role.ts";

/** Binds the operations on roles to what they need. */
export function createRoleOps(deps: AuthDeps) {
  return {
    createRole: (input: CreateRoleInput) => createRole(deps, input),
    updateRole: (input: UpdateRoleInput) => updateRole(deps, input),
    removeRole: (input: RoleReference) => removeRole(deps, input),

    followRoleUse: (tx: Tx, use: RoleUse) => deps.roles.upsertUse(tx, use),

    /** The roles that a tenant has made, by name, for services. */
    listRolesOf: ({ tenantId }: { readonly tenantId: string }): Promise<Role[]> => deps.roles.listRoles(tenantId),

    /** The same within what the author may know of. Throws `tenant.not_found`. */
    async listRoles(input: TenantReference): Promise<readonly Role[]> {
      await requireReach(deps, input);
      return deps.roles.listRoles(input.tenantId);
    },

    /** Throws `tenant.not_found` and `role_not_found`. */
    async getRole(input: RoleReference): Promise<Role> {
      await requireReach(deps, input);
      const role = await deps.roles.findRole(input.tenantId, input.name);
      if (!role) throw new Failure(authFailures.role_not_found);
      return role;
    },
  };
}
