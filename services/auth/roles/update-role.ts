import { isDeepStrictEqual } from "node:util";
import { roleUpdated } from "@lyss/contracts/events/auth.ts";
import type { AuthDeps } from "../deps.ts";
import { sayAccessChanged } from "../say-access-changed.ts";
import { toRoleChanged } from "./role-messages.ts";
import type { Role } from "./role-model.ts";
import { lockRole, type RoleReference, requireHeldByAuthor, requireReach } from "./role-reference.ts";

export interface UpdateRoleInput extends RoleReference {
  /** As `roleFields` give them; undefined for what stays. */
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly permissions?: readonly string[] | undefined;
}

/**
 * Changes what is given of a role: those who have it, their keys and what they gave to service clients follow on every node within a
 * second. Neither before nor afterwards may it hold more than who changes it. Throws `tenant.not_found`, `permission_not_held` and what
 * `lockRole` throws. What is so already changes nothing, so a repeat is safe.
 */
export async function updateRole(deps: AuthDeps, input: UpdateRoleInput): Promise<Role> {
  const { db, roles, outbox, clock } = deps;
  const { author, tenantId } = input;
  await requireReach(deps, input);
  return db.transaction(async (tx) => {
    const before = await lockRole(deps, tx, input);
    const { title = before.title, description = before.description, permissions = before.permissions } = input;
    requireHeldByAuthor(author, permissions);
    const wanted = { title, description, permissions };
    const changed = (["title", "description", "permissions"] as const).filter(
      (field) => !isDeepStrictEqual(wanted[field], before[field]),
    );
    if (changed.length === 0) return before;
    const role = { ...before, ...wanted, version: before.version + 1, updatedAt: new Date(clock.nowMs()) };
    await roles.updateRole(tx, role);
    await outbox.append(tx, roleUpdated, toRoleChanged(role, author, changed));
    if (changed.includes("permissions")) await sayAccessChanged(deps, tx, { tenantId, userId: "" });
    return role;
  });
}
