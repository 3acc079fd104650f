import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupMemberRemoved } from "@lyss/contracts/events/group.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, type GroupChange, requireActive, requireHeld } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { findMembership } from "../model.ts";

export interface RemoveMemberInput extends GroupChange {
  readonly userId: string;
}

/**
 * Takes somebody out of the group; whoever is in it may leave, and owners are removed by owners. Throws
 * `member_not_found`, `last_owner`, `archived`, and what `changeGroup` throws.
 */
export async function removeMember(
  deps: GroupDeps,
  input: RemoveMemberInput,
): Promise<{ readonly userId: string; readonly version: number }> {
  const { groupId, tenantId, actor, userId } = input;
  const removedAt = timestampFromDate(new Date(deps.clock.nowMs()));
  const wanted = userId === actor.userId ? "group:read" : "member:manage";
  const { version } = await changeGroup(deps, input, wanted, (state, held) => {
    requireActive(state);
    const known = findMembership(state, userId);
    if (!known) throw new Failure(groupFailures.member_not_found);
    if (known.role === "owner") requireHeld(held, "owner:manage");
    if (known.role === "owner" && state.ownerCount === 1) throw new Failure(groupFailures.last_owner);
    return [newEvent(groupMemberRemoved, { groupId, tenantId, userId, removedBy: actor.userId, removedAt })];
  });
  return { userId, version };
}
