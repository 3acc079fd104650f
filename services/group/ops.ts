import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { rebuildProjection } from "@lyss/kit/event-sourcing/projection.ts";
import type { GroupChange } from "./access.ts";
import type { GroupDeps } from "./deps.ts";
import { addMember, type MemberInput } from "./ops/add-member.ts";
import { archiveGroup } from "./ops/archive-group.ts";
import { changeMemberRole } from "./ops/change-member-role.ts";
import { type CreateGroupInput, createGroup } from "./ops/create-group.ts";
import { exportPerson } from "./ops/export-person.ts";
import { type GetGroupInput, getGroup } from "./ops/get-group.ts";
import { joinGroups, leaveAll, leaveGroups } from "./ops/join-groups.ts";
import { type ListGroupEventsInput, listGroupEvents } from "./ops/list-group-events.ts";
import { type ListGroupsInput, listGroups } from "./ops/list-groups.ts";
import { type ListMembersInput, listMembers } from "./ops/list-members.ts";
import { type MoveGroupInput, moveGroup } from "./ops/move-group.ts";
import { type RemoveMemberInput, removeMember } from "./ops/remove-member.ts";
import { type SetGroupPermissionsInput, setGroupPermissions } from "./ops/set-group-permissions.ts";
import { type UpdateGroupInput, updateGroup } from "./ops/update-group.ts";

/** Binds the operations on groups to what they need. */
export function createGroupOps(deps: GroupDeps) {
  return {
    createGroup: (input: CreateGroupInput) => createGroup(deps, input),
    getGroup: (input: GetGroupInput) => getGroup(deps, input),
    listGroups: (input: ListGroupsInput) => listGroups(deps, input),
    updateGroup: (input: UpdateGroupInput) => updateGroup(deps, input),
    moveGroup: (input: MoveGroupInput) => moveGroup(deps, input),
    setGroupPermissions: (input: SetGroupPermissionsInput) => setGroupPermissions(deps, input),
    archiveGroup: (input: GroupChange) => archiveGroup(deps, input),
    addMember: (input: MemberInput) => addMember(deps, input),
    removeMember: (input: RemoveMemberInput) => removeMember(deps, input),
    changeMemberRole: (input: MemberInput) => changeMemberRole(deps, input),
    listMembers: (input: ListMembersInput) => listMembers(deps, input),
    listGroupEvents: (input: ListGroupEventsInput) => listGroupEvents(deps, input),
    rebuildMembership: (signal?: AbortSignal) =>
      rebuildProjection({ db: deps.db, projection: deps.membership, ...(signal && { signal }) }),
    /** Somebody whom groups of the tenant may take in. A repeat is safe. */
    rememberPerson: (tx: Tx, person: { readonly userId: string; readonly tenantId: string }) =>
      deps.store.insertPerson(tx, person),
    joinGroups: (tx: Tx, person: { readonly userId: string; readonly tenantId: string }) =>
      joinGroups(deps, tx, person),
    leaveGroups: (tx: Tx, person: { readonly userId: string; readonly tenantId: string }) =>
      leaveGroups(deps, tx, person),
    exportPerson: (tx: Tx, person: ExportedPerson) => exportPerson(deps, tx, person),
    /** Both at once, before `user.created` was heard. A repeat is safe. */
    admitPerson: (person: { readonly userId: string; readonly tenantId: string }) =>
      deps.db.transaction(async (tx) => {
        await deps.store.insertPerson(tx, person);
        await joinGroups(deps, tx, person);
      }),
    /** Takes that back. A repeat is safe. */
    dismissPerson: (person: { readonly userId: string; readonly tenantId: string }) =>
      deps.db.transaction((tx) => leaveAll(deps, tx, person)),
  };
}

export type GroupOps = ReturnType<typeof createGroupOps>;
