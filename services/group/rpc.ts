import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { GroupService, GroupStatus } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, optionalIdInput, orEmpty, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { type Actor, type Group, groupFields, type Member } from "./model.ts";
import type { GroupOps } from "./ops.ts";

const { name, description, role, userId } = groupFields;
const nobody: Actor = { userId: "", permissions: [] };
/** Who asks; nobody when it is left out. */
const actor = z
  .object({ userId: z.string().max(64), permissions: z.array(z.string().max(80)).max(1_000) })
  .default(nobody as { userId: string; permissions: string[] });
/** 0 stands for none. */
const version = z
  .bigint()
  .min(0n)
  .max(BigInt(Number.MAX_SAFE_INTEGER))
  .transform((number) => Number(number) || undefined);
const reference = { tenantId: idInput, groupId: idInput, actor };
const change = { ...reference, expectedVersion: version };
const inputs = {
  createGroup: { tenantId: idInput, name, description, ownerId: optionalIdInput, parentId: optionalIdInput, actor },
  getGroup: { ...reference, atVersion: version, atTime: timestampInput },
  listGroups: {
    ...{ tenantId: idInput, actor, status: z.enum(GroupStatus), ...pageInputs },
    ...{ name: z.string().max(100), memberId: optionalIdInput, parentId: optionalIdInput },
  },
  updateGroup: { ...change, name: name.optional(), description: description.optional() },
  moveGroup: { ...change, parentId: optionalIdInput },
  setGroupPermissions: { ...change, permissions: groupFields.permissions },
  archiveGroup: change,
  addMember: { ...change, userId, role: z.preprocess((given) => given || "member", role) },
  removeMember: { ...change, userId },
  changeMemberRole: { ...change, userId, role },
  listMembers: { ...reference, ...pageInputs, role: orEmpty(role) },
  listGroupEvents: { ...reference, ...pageInputs },
  admitPerson: { tenantId: idInput, userId: idInput },
  dismissPerson: { tenantId: idInput, userId: idInput },
  rebuildMembership: {},
} satisfies MethodInputs<typeof GroupService>;

const statuses = { active: GroupStatus.ACTIVE, archived: GroupStatus.ARCHIVED } as const;

/** GroupService on the operations. */
export function createGroupRpc(ops: GroupOps): CheckedRpc<typeof GroupService> {
  return createRpc(GroupService, inputs, {
    async createGroup({ ownerId, ...request }) {
      return { group: toMessage(await ops.createGroup({ ...request, ownerId: ownerId || undefined })) };
    },
    async getGroup({ atTime, ...request }) {
      return { group: toMessage(await ops.getGroup({ ...request, atTimeMs: atTime?.getTime() })) };
    },
    async listGroups({ tenantId, actor, limit, cursor, ...request }) {
      const status = request.status === GroupStatus.ARCHIVED ? "archived" : request.status ? "active" : undefined;
      const memberId = request.memberId || undefined;
      const filter = {
        status,
        name: request.name || undefined,
        memberId,
        parentId: request.parentId || undefined,
      } as const;
      const page = await ops.listGroups({ tenantId, actor, ...filter, ...fromPageRequest({ limit, cursor }) });
      return { groups: page.rows.map(toMessage), nextCursor: page.nextCursor ?? "" };
    },
    updateGroup: async (request) => ({ group: toMessage(await ops.updateGroup(request)) }),
    moveGroup: async (request) => ({ group: toMessage(await ops.moveGroup(request)) }),
    setGroupPermissions: async (request) => ({ group: toMessage(await ops.setGroupPermissions(request)) }),
    archiveGroup: async (request) => ({ group: toMessage(await ops.archiveGroup(request)) }),
    async addMember(request) {
      const added = await ops.addMember(request);
      return { member: toMemberMessage(added.member), version: BigInt(added.version) };
    },
    async removeMember(request) {
      return { version: BigInt((await ops.removeMember(request)).version) };
    },
    async changeMemberRole(request) {
      const changed = await ops.changeMemberRole(request);
      return { member: toMemberMessage(changed.member), version: BigInt(changed.version) };
    },
    async listMembers({ limit, cursor, ...request }) {
      const page = await ops.listMembers({ ...request, ...fromPageRequest({ limit, cursor }) });
      return { members: page.rows.map(toMemberMessage), nextCursor: page.nextCursor ?? "" };
    },
    async listGroupEvents({ limit, cursor, ...request }) {
      const page = await ops.listGroupEvents({ ...request, ...fromPageRequest({ limit, cursor }) });
      const events = page.rows.map((row) => ({
        ...{ eventId: row.event_id, eventType: row.event_type, aggregateId: row.aggregate_id },
        eventData: row.event_data as JsonObject,
        timestamp: timestampFromDate(new Date(row.timestamp)),
        version: BigInt(row.version),
      }));
      return { events, nextCursor: page.nextCursor ?? "" };
    },
    async admitPerson(request) {
      await ops.admitPerson(request);
      return {};
    },
    async dismissPerson(request) {
      await ops.dismissPerson(request);
      return {};
    },
    async rebuildMembership(_request, { signal }) {
      return { events: BigInt((await ops.rebuildMembership(signal)).events) };
    },
  });
}

function toMessage(group: Group) {
  const { groupId, tenantId, name, description, status, memberCount, version, createdBy, parentId, joinRole } = group;
  return {
    ...{ groupId, tenantId, name, description, status: statuses[status], memberCount, createdBy, parentId, joinRole },
    permissions: [...group.permissions],
    version: BigInt(version),
    createdAt: timestampFromDate(group.createdAt),
    updatedAt: timestampFromDate(group.updatedAt),
  };
}

function toMemberMessage({ userId, role, permissions, addedBy, addedAt }: Member) {
  return { userId, role, permissions: [...permissions], addedBy, addedAt: timestampFromDate(addedAt) };
}
