import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupUpdated } from "@lyss/contracts/events/group.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, type GroupChange, requireActive, requireGivable, requireManager } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { type Group, type GroupState, toGroup } from "../model.ts";

export interface UpdateGroupInput extends GroupChange {
  /** As `groupFields` give them; undefined for what stays. */
  readonly name: string | undefined;
  readonly description: string | undefined;
  /** Empty for nobody. */
  readonly joinRole?: GroupState["joinRole"] | undefined;
}

/**
 * Changes name, description, or the role with which people who come into the tenant join: that is for those who manage the tenant's
 * groups, and gives no more than they hold. Throws `archived`, `not_permitted`, `permission_not_held`, `name_taken`, and what `changeGroup` throws. A repeat
 * changes nothing.
 */
export async function updateGroup(deps: GroupDeps, input: UpdateGroupInput): Promise<Group> {
  const { groupId, tenantId, actor } = input;
  const updatedAt = timestampFromDate(new Date(deps.clock.nowMs()));
  const changed = await changeGroup(deps, input, "group:update", (state) => {
    requireActive(state);
    const { name = state.name, description = state.description, joinRole = state.joinRole } = input;
    if (joinRole !== state.joinRole) {
      requireManager(actor);
      requireGivable(actor, state.permissions);
    }
    if (name === state.name && description === state.description && joinRole === state.joinRole) return [];
    const updated = { groupId, tenantId, name, description, joinRole, updatedBy: actor.userId, updatedAt };
    return [newEvent(groupUpdated, updated)];
  });
  return toGroup(changed);
}
