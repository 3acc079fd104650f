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
import { tenantCreated, tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import type {
  GroupCreated,
  GroupMemberAdded,
  GroupMemberRemoved,
  GroupMoved,
  GroupPermissionsChanged,
  GroupUpdated,
} from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import type { TenantUpdated } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import type { ReceivedEvent, Subscription } from "@lyss/kit/events/event.ts";
import type { AuthOps } from "./ops.ts";

/** What groups say that decides who may do what. */
export const groupAccessEvents = [
  groupCreated,
  groupUpdated,
  groupMoved,
  groupArchived,
  groupPermissionsChanged,
  groupMemberAdded,
  groupMemberRoleChanged,
  groupMemberRemoved,
];

/** What auth hears of what groups give, and of how tenants let people sign in. */
export function createAccessSubscriptions(ops: Pick<AuthOps, "followGroup" | "followPolicy">): readonly Subscription[] {
  return [
    {
      mode: "durable",
      name: "follow-groups",
      events: groupAccessEvents,
      handle: (tx, event) => ops.followGroup(tx, toGroupFact(event)),
    },
    {
      mode: "durable",
      name: "follow-sign-in-policies",
      events: [tenantCreated, tenantUpdated],
      async handle(tx, { data }) {
        const { tenantId, settings, version } = data as TenantUpdated;
        if (settings) await ops.followPolicy(tx, { tenantId, policy: settings, version });
      },
    },
  ];
}

function toGroupFact({ type, data }: ReceivedEvent) {
  if (type === groupCreated.type) {
    const { groupId, tenantId, parentId, name } = data as GroupCreated;
    return { kind: "made", groupId, tenantId, parentId, name } as const;
  }
  if (type === groupUpdated.type) {
    const { groupId, tenantId, name } = data as GroupUpdated;
    return { kind: "named", groupId, tenantId, name } as const;
  }
  if (type === groupMoved.type) {
    const { groupId, tenantId, parentId } = data as GroupMoved;
    return { kind: "placed", groupId, tenantId, parentId } as const;
  }
  if (type === groupPermissionsChanged.type) {
    const { groupId, tenantId, permissions } = data as GroupPermissionsChanged;
    return { kind: "given", groupId, tenantId, permissions } as const;
  }
  if (type === groupMemberRemoved.type) {
    const { groupId, tenantId, userId } = data as GroupMemberRemoved;
    return { kind: "left", groupId, tenantId, userId } as const;
  }
  if (type === groupArchived.type) {
    const { groupId, tenantId } = data as GroupCreated;
    return { kind: "archived", groupId, tenantId } as const;
  }
  const { groupId, tenantId, userId, role } = data as GroupMemberAdded;
  return { kind: "joined", groupId, tenantId, userId, role } as const;
}
