import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupUpdated } from "@lyss/contracts/events/group.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, type GroupChange, requireActive } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { type Group, toGroup } from "../model.ts";

export interface UpdateGroupInput extends GroupChange {
  /** As `groupFields` give them; undefined for what stays. */
  readonly name: string | undefined;
  readonly description: string | undefined;
}

/** Changes name or description. Throws `archived`, `name_taken`, and what `changeGroup` throws. A repeat changes nothing. */
export async function updateGroup(deps: GroupDeps, input: UpdateGroupInput): Promise<Group> {
  const { groupId, tenantId, actor } = input;
  const updatedAt = timestampFromDate(new Date(deps.clock.nowMs()));
  const changed = await changeGroup(deps, input, "group:update", (state) => {
    requireActive(state);
    const { name = state.name, description = state.description } = input;
    if (name === state.name && description === state.description) return [];
    return [newEvent(groupUpdated, { groupId, tenantId, name, description, updatedBy: actor.userId, updatedAt })];
  });
  return toGroup(changed);
}
