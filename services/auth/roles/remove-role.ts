import { roleRemoved } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { sayAccessChanged } from "../say-access-changed.ts";
import { toRoleRemoved } from "./role-messages.ts";
import type { Role } from "./role-model.ts";
import { lockRole, type RoleReference, requireReach } from "./role-reference.ts";

/**
 * Removes a role that nobody has and no setting gives, as far as auth has heard; whoever is invited to it can no more accept. Throws
 * `tenant.not_found`, `role_in_use` with how many have it, suspended people among them, `role_given` with what gives it, and what
 * `lockRole` throws, also the second time.
 */
export async function removeRole(deps: AuthDeps, input: RoleReference): Promise<Role> {
  const { db, roles, outbox, clock } = deps;
  const { tenantId, name, author } = input;
  await requireReach(deps, input);
  return db.transaction(async (tx) => {
    const role = await lockRole(deps, tx, input);
    const people = await roles.countHolders(tx, tenantId, name);
    if (people > 0) throw new Failure(authFailures.role_in_use, { role: name, people });
    const usedBy = await roles.listUsedBy(tx, tenantId, name);
    if (usedBy.length > 0) throw new Failure(authFailures.role_given, { role: name, usedBy: usedBy.join(", ") });
    await roles.deleteRole(tx, tenantId, name);
    await outbox.append(tx, roleRemoved, toRoleRemoved(role, author, new Date(clock.nowMs())));
    // Whoever was given it just now, of whom auth has not heard yet, may do nothing by it.
    await sayAccessChanged(deps, tx, { tenantId, userId: "" });
    return role;
  });
}
