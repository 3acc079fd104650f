import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupMoved } from "@lyss/contracts/events/group.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, type GroupChange, requireActive } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { type Group, toGroup } from "../model.ts";
import { checkPlace, requireParent } from "../place.ts";

export interface MoveGroupInput extends GroupChange {
  /** Empty for the top. */
  readonly parentId: string;
}

/**
 * Puts a group, with all below it, below another one. Whoever has a role in that one has it here from now on, so the actor must be
 * able to change both. Throws `parent_not_found`, `parent_circular`, `too_deep`, `archived`, and what `changeGroup` throws. A repeat
 * changes nothing.
 */
export async function moveGroup(deps: GroupDeps, input: MoveGroupInput): Promise<Group> {
  const { groupId, tenantId, actor, parentId } = input;
  const movedAt = timestampFromDate(new Date(deps.clock.nowMs()));
  await requireParent(deps, input);
  const moved = await changeGroup(
    deps,
    input,
    "group:update",
    (state) => {
      requireActive(state);
      if (state.parentId === parentId) return [];
      const previousParentId = state.parentId;
      return [newEvent(groupMoved, { groupId, tenantId, parentId, previousParentId, movedBy: actor.userId, movedAt })];
    },
    (tx, group) => checkPlace(deps, tx, group),
  );
  return toGroup(moved);
}
