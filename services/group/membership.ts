import { timestampDate } from "@bufbuild/protobuf/wkt";
import { groupMemberAdded, groupMemberRemoved, groupMemberRoleChanged } from "@lyss/contracts/events/group.ts";
import { defineProjection, type Projection, writes } from "@lyss/kit/event-sourcing/projection.ts";
import type { GroupStore } from "./store.ts";

/** The table that knows who is in which group: a person's groups are found in it. */
export function createMembershipProjection(store: GroupStore): Projection {
  return defineProjection({
    table: "membership",
    writers: [
      writes(groupMemberAdded, (tx, { data, timeMs }, table) => {
        const { groupId, userId, tenantId, role, addedBy } = data;
        const addedAt = data.addedAt ? timestampDate(data.addedAt) : new Date(timeMs);
        return store.putMembership(tx, table, { groupId, userId, tenantId, role, addedBy, addedAt });
      }),
      writes(groupMemberRoleChanged, (tx, { data }, table) =>
        store.updateRole(tx, table, data.groupId, data.userId, data.role),
      ),
      writes(groupMemberRemoved, (tx, { data }, table) => store.deleteMembership(tx, table, data.groupId, data.userId)),
    ],
  });
}
