import { timestampMs } from "@bufbuild/protobuf/wkt";
import { toGroupRole } from "@lyss/contracts/access/group-roles.ts";
import {
  groupArchived,
  groupCreated,
  groupMemberAdded,
  groupMemberRemoved,
  groupMemberRoleChanged,
  groupMoved,
  groupPermissionsChanged,
  groupUpdated,
} from "@lyss/contracts/events/group.ts";
import { defineAggregate, when } from "@lyss/kit/event-sourcing/aggregate.ts";
import { findMembership, type GroupState, type Membership, withMembership } from "./model.ts";

/** Everything that can happen to a group. */
export const groupEvents = [
  groupCreated,
  groupUpdated,
  groupArchived,
  groupMemberAdded,
  groupMemberRemoved,
  groupMemberRoleChanged,
  groupMoved,
  groupPermissionsChanged,
];

const nothing: GroupState = {
  tenantId: "",
  name: "",
  description: "",
  status: "active",
  createdBy: "",
  createdAtMs: 0,
  updatedAtMs: 0,
  members: {},
  memberCount: 0,
  ownerCount: 0,
  parentId: "",
  permissions: [],
  joinRole: "",
};

/** A group is what happened to it. The rules stand in the operations: what has happened is not judged again. */
export const groupAggregate = defineAggregate<GroupState>({
  name: "group",
  initial: nothing,
  // 2: groups have parents, permissions, and a role for those who join.
  shape: 2,
  snapshotEvery: 20,
  appliers: [
    when(groupCreated, (_state, { data, timeMs }) => {
      const { tenantId, name, description, createdBy, parentId } = data;
      const createdAtMs = toMs(data.createdAt, timeMs);
      return { ...nothing, tenantId, name, description, createdBy, parentId, createdAtMs, updatedAtMs: createdAtMs };
    }),
    when(groupUpdated, (state, { data: { name, description, joinRole: role, updatedAt }, timeMs }) => {
      const joinRole = role === "" ? "" : toGroupRole(role);
      return { ...state, name, description, joinRole, updatedAtMs: toMs(updatedAt, timeMs) };
    }),
    when(groupMoved, (state, { data: { parentId, movedAt }, timeMs }) => {
      return { ...state, parentId, updatedAtMs: toMs(movedAt, timeMs) };
    }),
    when(groupPermissionsChanged, (state, { data: { permissions, changedAt }, timeMs }) => {
      return { ...state, permissions: [...permissions], updatedAtMs: toMs(changedAt, timeMs) };
    }),
    when(groupArchived, (state, { data, timeMs }) => {
      return { ...state, status: "archived" as const, updatedAtMs: toMs(data.archivedAt, timeMs) };
    }),
    when(groupMemberAdded, (state, { data, timeMs }) => {
      const addedAtMs = toMs(data.addedAt, timeMs);
      return withMember(
        state,
        data.userId,
        { role: toGroupRole(data.role), addedBy: data.addedBy, addedAtMs },
        addedAtMs,
      );
    }),
    when(groupMemberRemoved, (state, { data, timeMs }) =>
      withMember(state, data.userId, undefined, toMs(data.removedAt, timeMs)),
    ),
    when(groupMemberRoleChanged, (state, { data, timeMs }) => {
      const membership = findMembership(state, data.userId);
      if (!membership) return state;
      return withMember(
        state,
        data.userId,
        { ...membership, role: toGroupRole(data.role) },
        toMs(data.changedAt, timeMs),
      );
    }),
  ],
});

function withMember(
  state: GroupState,
  userId: string,
  membership: Membership | undefined,
  updatedAtMs: number,
): GroupState {
  const before = findMembership(state, userId);
  return {
    ...state,
    updatedAtMs,
    members: withMembership(state, userId, membership),
    memberCount: state.memberCount + Number(membership !== undefined) - Number(before !== undefined),
    ownerCount: state.ownerCount + Number(membership?.role === "owner") - Number(before?.role === "owner"),
  };
}

type WireTime = Parameters<typeof timestampMs>[0] | undefined;

function toMs(time: WireTime, appendedAtMs: number): number {
  return time ? timestampMs(time) : appendedAtMs;
}
