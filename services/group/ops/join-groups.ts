import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupMemberAdded, groupMemberRemoved, groupPersonErased } from "@lyss/contracts/events/group.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import type { GroupDeps } from "../deps.ts";
import { findMembership, groupLimits, toGroup } from "../model.ts";

interface Person {
  readonly userId: string;
  readonly tenantId: string;
}

/** Makes somebody who has come into the tenant a member of the groups that take such people. A repeat is safe. */
export async function joinGroups(deps: GroupDeps, tx: Tx, { userId, tenantId }: Person): Promise<void> {
  const { store, groups, clock } = deps;
  const addedAt = timestampFromDate(new Date(clock.nowMs()));
  for (const { groupId } of await store.listJoined(tx, tenantId)) {
    await groups.execute(
      groupId,
      (state) => {
        const { status, joinRole: role, memberCount } = state;
        const isOpen = status === "active" && role !== "" && memberCount < groupLimits.maxMembers;
        if (!isOpen || findMembership(state, userId)) return [];
        return [newEvent(groupMemberAdded, { groupId, tenantId, userId, role, addedBy: "", addedAt })];
      },
      (own, loaded) => store.putGroup(own, toGroup(loaded)),
    );
  }
}

/** Takes somebody who is gone out of every group, the last owner too. A repeat is safe. */
export async function leaveGroups(deps: GroupDeps, tx: Tx, { userId, tenantId: home }: Person): Promise<void> {
  const { store, groups, outbox, clock } = deps;
  const removedAt = timestampFromDate(new Date(clock.nowMs()));
  await store.deletePerson(tx, userId);
  for (const groupId of await store.listGroupIdsOf(tx, userId)) {
    await groups.execute(
      groupId,
      (state) => {
        if (!findMembership(state, userId)) return [];
        const { tenantId } = state;
        return [newEvent(groupMemberRemoved, { groupId, tenantId, userId, removedBy: "", removedAt })];
      },
      (own, loaded) => store.putGroup(own, toGroup(loaded)),
    );
  }
  await outbox.append(tx, groupPersonErased, { userId, tenantId: home, erasedAt: removedAt });
}
