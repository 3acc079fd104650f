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

/**
 * Takes somebody out of every group, the last owner too; also out of those joined just now, of which the table of memberships
 * may not know yet. Gives when. A repeat is safe.
 */
export async function leaveAll(deps: GroupDeps, tx: Tx, { userId, tenantId: home }: Person) {
  const { store, groups, clock } = deps;
  const removedAt = timestampFromDate(new Date(clock.nowMs()));
  await store.deletePerson(tx, userId);
  const joined = (await store.listJoined(tx, home)).map(({ groupId }) => groupId);
  for (const groupId of new Set([...(await store.listGroupIdsOf(tx, userId)), ...joined])) {
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
  return removedAt;
}

/** As `leaveAll`, for somebody who is gone, and says so. */
export async function leaveGroups(deps: GroupDeps, tx: Tx, person: Person): Promise<void> {
  const erasedAt = await leaveAll(deps, tx, person);
  const { userId, tenantId } = person;
  await deps.outbox.append(tx, groupPersonErased, { userId, tenantId, erasedAt });
}
