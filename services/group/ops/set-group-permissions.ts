import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupPermissionsChanged } from "@lyss/contracts/events/group.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, type GroupChange, requireActive, requireGivable, requireManager } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { type Group, toGroup } from "../model.ts";

export interface SetGroupPermissionsInput extends GroupChange {
  /** All of them, as `groupFields.permissions` gives them. */
  readonly permissions: readonly string[];
}

/**
 * Replaces what the members of a group hold in their tenant. Those who manage the tenant's groups do so, and give no more than they
 * hold. Throws `not_permitted`, `permission_not_held`, `archived`, and what `changeGroup` throws. A repeat changes nothing.
 */
export async function setGroupPermissions(deps: GroupDeps, input: SetGroupPermissionsInput): Promise<Group> {
  const { groupId, tenantId, actor, permissions } = input;
  const changedAt = timestampFromDate(new Date(deps.clock.nowMs()));
  const changed = await changeGroup(deps, input, "group:update", (state) => {
    requireManager(actor);
    requireActive(state);
    requireGivable(
      actor,
      permissions.filter((permission) => !state.permissions.includes(permission)),
    );
    if (permissions.join() === state.permissions.join()) return [];
    const given = { groupId, tenantId, permissions: [...permissions], changedBy: actor.userId, changedAt };
    return [newEvent(groupPermissionsChanged, given)];
  });
  return toGroup(changed);
}
