import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupMemberRoleChanged } from "@lyss/contracts/events/group.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, requireActive, requireHeld } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { findMembership, toMember } from "../model.ts";
import type { ChangedMember, MemberInput } from "./add-member.ts";

/**
 * Gives a member another role; owners are made and unmade by owners. Throws `member_not_found`, `last_owner`, `archived`,
 * and what `changeGroup` throws. The role the member has already changes nothing, so a repeat is safe.
 */
export async function changeMemberRole(deps: GroupDeps, input: MemberInput): Promise<ChangedMember> {
  const { groupId, tenantId, actor, userId, role } = input;
  const changedAt = timestampFromDate(new Date(deps.clock.nowMs()));
  const { state, version } = await changeGroup(deps, input, "member:manage", (current, held) => {
    requireActive(current);
    const known = findMembership(current, userId);
    if (!known) throw new Failure(groupFailures.member_not_found);
    if (known.role === role) return [];
    if (role === "owner" || known.role === "owner") requireHeld(held, "owner:manage");
    if (known.role === "owner" && current.ownerCount === 1) throw new Failure(groupFailures.last_owner);
    const changed = { groupId, tenantId, userId, role, previousRole: known.role, changedBy: actor.userId, changedAt };
    return [newEvent(groupMemberRoleChanged, changed)];
  });
  const membership = findMembership(state, userId);
  if (!membership) throw new Failure(groupFailures.member_not_found);
  return { member: toMember(userId, membership), version };
}
