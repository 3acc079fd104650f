import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupMemberAdded } from "@lyss/contracts/events/group.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, type GroupChange, requireActive, requireGivable, requireHeld } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { findMembership, type GroupRole, groupLimits, type Member, toMember } from "../model.ts";

export interface MemberInput extends GroupChange {
  readonly userId: string;
  readonly role: GroupRole;
}

/** Somebody in a group, and the version of the group that made it so. */
export interface ChangedMember {
  readonly member: Member;
  readonly version: number;
}

/**
 * Takes a person of the tenant into the group; owners are made by owners, and nobody gives what the group holds in the
 * tenant without holding it. Throws `permission_not_held`, `person_not_found`, `member_exists`,
 * `too_many_members`, `archived`, and what `changeGroup` throws.
 */
export async function addMember(deps: GroupDeps, input: MemberInput): Promise<ChangedMember> {
  const { groupId, tenantId, actor, userId, role } = input;
  const addedAtMs = deps.clock.nowMs();
  const added = { groupId, tenantId, userId, role, addedBy: actor.userId };
  const isPerson = await deps.store.hasPerson(tenantId, userId);
  const { version } = await changeGroup(deps, input, "member:manage", (state, held) => {
    requireActive(state);
    if (role === "owner") requireHeld(held, "owner:manage");
    const known = findMembership(state, userId);
    if (known) throw new Failure(groupFailures.member_exists, { role: known.role });
    requireGivable(actor, state.permissions);
    if (!isPerson) throw new Failure(groupFailures.person_not_found);
    const limit = groupLimits.maxMembers;
    if (state.memberCount >= limit) throw new Failure(groupFailures.too_many_members, { limit });
    return [newEvent(groupMemberAdded, { ...added, addedAt: timestampFromDate(new Date(addedAtMs)) })];
  });
  return { member: toMember(userId, { role, addedBy: actor.userId, addedAtMs }), version };
}
