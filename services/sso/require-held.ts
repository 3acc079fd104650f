import { manageGroupsPermission } from "@lyss/contracts/access/group-roles.ts";
import { findNotHeld } from "@lyss/contracts/access/roles.ts";
import { requireGivableRoles } from "@lyss/contracts/access/tenant-roles.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "./deps.ts";
import { groupActor } from "./group-rules.ts";
import type { ConnectionRules } from "./model.ts";

/** What a connection gives the people for whom it vouches. */
export type GivenRules = Pick<ConnectionRules, "defaultRole" | "groupMapping" | "roleMapping">;

export interface Holder {
  readonly tenantId: string;
  /** The permissions of whoever sets it. */
  readonly held: readonly string[];
}

/**
 * Keeps a connection from giving people what whoever sets it could not give: a role that holds more, or a place in a group by those who
 * do not reach every group of the tenant, or do not hold what that group gives. Throws `auth.role_unknown`, `auth.role_above_own`, `group_above_own`,
 * and `group_unknown` for a group that the tenant does not have. A repeat is safe.
 */
export async function requireHeldRules(
  deps: Pick<SsoDeps, "auth" | "group">,
  { defaultRole, groupMapping, roleMapping }: GivenRules,
  { tenantId, held }: Holder,
): Promise<void> {
  const roles = roleMapping.map(({ role }) => role);
  await requireGivableRoles(deps, { tenantId, roles: defaultRole === null ? roles : [defaultRole, ...roles], held });
  for (const groupId of new Set(groupMapping.map((rule) => rule.groupId))) {
    // Asked before the group: who does not reach every group learns nothing of which there are.
    requirePermissions(groupId, held, [manageGroupsPermission]);
    const { group } = await deps.group.getGroup({ tenantId, groupId, actor: groupActor }).catch((err: unknown) => {
      throw isFailure(err, groupFailures.not_found) ? new Failure(ssoFailures.group_unknown, { groupId }) : err;
    });
    requirePermissions(groupId, held, group?.permissions ?? []);
  }
}

function requirePermissions(groupId: string, held: readonly string[], wanted: readonly string[]): void {
  const permission = findNotHeld(held, wanted);
  if (permission !== undefined) throw new Failure(ssoFailures.group_above_own, { groupId, permission });
}
