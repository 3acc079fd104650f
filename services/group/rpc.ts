import type { JsonObject } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type Actor as ActorMessage,
  type GroupService,
  GroupStatus,
} from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { z } from "zod";
import { type Actor, type Group, groupFields, type Member } from "./model.ts";
import type { GroupOps } from "./ops.ts";

const { name, description, role, userId } = groupFields;
const tenantId = z.string().min(1).max(64);
const newGroup = z.object({ tenantId, name, description, ownerId: z.string().max(64) });
const groupChanges = z.object({ name: name.optional(), description: description.optional() });
const member = z.object({ userId, role });
const roleFilter = z.object({ role: role.optional() });

const statuses = { active: GroupStatus.ACTIVE, archived: GroupStatus.ARCHIVED } as const;
const nobody: Actor = { userId: "", permissions: [] };

/** GroupService on the operations. */
export function createGroupRpc(ops: GroupOps): ServiceImpl<typeof GroupService> {
  return {
    async createGroup(request) {
      const { ownerId, ...input } = parseInput(newGroup, request);
      const actor = request.actor ?? nobody;
      return { group: toMessage(await ops.createGroup({ ...input, ownerId: ownerId || undefined, actor })) };
    },
    async getGroup(request) {
      const atTimeMs = request.atTime && timestampDate(request.atTime).getTime();
      const input = { ...toReference(request), atVersion: Number(request.atVersion) || undefined, atTimeMs };
      return { group: toMessage(await ops.getGroup(input)) };
    },
    async listGroups(request) {
      const { tenantId, actor = nobody } = request;
      const status = request.status === GroupStatus.ARCHIVED ? "archived" : request.status ? "active" : undefined;
      const filter = { status, name: request.name || undefined, memberId: request.memberId || undefined } as const;
      const page = await ops.listGroups({ tenantId, actor, ...filter, ...fromPageRequest(request) });
      return { groups: page.rows.map(toMessage), nextCursor: page.nextCursor ?? "" };
    },
    async updateGroup(request) {
      const { name, description } = parseInput(groupChanges, request);
      return { group: toMessage(await ops.updateGroup({ ...toChange(request), name, description })) };
    },
    archiveGroup: async (request) => ({ group: toMessage(await ops.archiveGroup(toChange(request))) }),
    async addMember(request) {
      const input = parseInput(member, { ...request, role: request.role || "member" });
      const added = await ops.addMember({ ...toChange(request), ...input });
      return { member: toMemberMessage(added.member), version: BigInt(added.version) };
    },
    async removeMember(request) {
      const { version } = await ops.removeMember({ ...toChange(request), userId: request.userId });
      return { version: BigInt(version) };
    },
    async changeMemberRole(request) {
      const changed = await ops.changeMemberRole({ ...toChange(request), ...parseInput(member, request) });
      return { member: toMemberMessage(changed.member), version: BigInt(changed.version) };
    },
    async listMembers(request) {
      const filter = parseInput(roleFilter, { role: request.role || undefined });
      const page = await ops.listMembers({ ...toReference(request), ...filter, ...fromPageRequest(request) });
      return { members: page.rows.map(toMemberMessage), nextCursor: page.nextCursor ?? "" };
    },
    async listGroupEvents(request) {
      const page = await ops.listGroupEvents({ ...toReference(request), ...fromPageRequest(request) });
      const events = page.rows.map((row) => ({
        ...{ eventId: row.event_id, eventType: row.event_type, aggregateId: row.aggregate_id },
        eventData: row.event_data as JsonObject,
        timestamp: timestampFromDate(new Date(row.timestamp)),
        version: BigInt(row.version),
      }));
      return { events, nextCursor: page.nextCursor ?? "" };
    },
    async rebuildMembership(_request, { signal }) {
      return { events: BigInt((await ops.rebuildMembership(signal)).events) };
    },
  };
}

interface ReferenceMessage {
  readonly tenantId: string;
  readonly groupId: string;
  readonly actor?: ActorMessage | undefined;
}

/** An actor that is left out is nobody. */
function toReference({ tenantId, groupId, actor = nobody as ActorMessage }: ReferenceMessage) {
  return { tenantId, groupId, actor };
}

function toChange(request: ReferenceMessage & { readonly expectedVersion: bigint }) {
  return { ...toReference(request), expectedVersion: Number(request.expectedVersion) || undefined };
}

function toMessage(group: Group) {
  const { groupId, tenantId, name, description, status, memberCount, version, createdBy } = group;
  return {
    ...{ groupId, tenantId, name, description, status: statuses[status], memberCount, createdBy },
    version: BigInt(version),
    createdAt: timestampFromDate(group.createdAt),
    updatedAt: timestampFromDate(group.updatedAt),
  };
}

function toMemberMessage({ userId, role, permissions, addedBy, addedAt }: Member) {
  return { userId, role, permissions: [...permissions], addedBy, addedAt: timestampFromDate(addedAt) };
}
