import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { eventEnvelope } from "@lyss/kit/event-sourcing/envelope.ts";
import { idsQueryField, pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { type Group, groupFields, type Member } from "./model.ts";
import type { GroupOps } from "./ops.ts";

const { json } = routesFor<GroupOps>();

const params = z.strictObject({ id: z.string().max(64) });
const memberParams = z.strictObject({ id: z.string().max(64), user_id: z.string().max(64) });
const time = z.iso.datetime();

const group = z.strictObject({
  object: z.literal("group"),
  id: z.string(),
  name: z.string(),
  description: z.string(),
  status: z.enum(["active", "archived"]),
  parent_id: z.string().nullable().describe("The group that it is below. Whoever has a role there has it here too."),
  permissions: z.array(z.string()).describe("What its members hold in the tenant besides their own role."),
  join_role: groupFields.joinRole.nullable().describe("With which people who come into the tenant become members."),
  budgets_path: z.string().describe("Where the budgets of the group are listed."),
  member_count: z.int(),
  version: z.int().describe("1, and one more for each event; the ETag."),
  created_by: z.string(),
  created_at: time,
  updated_at: time,
});
const member = z.strictObject({
  object: z.literal("group.member"),
  user_id: z.string(),
  role: groupFields.role,
  permissions: z.array(z.string()).describe("What the role may do in this group."),
  added_by: z.string(),
  added_at: time,
});
const changedMember = member.extend({ group_version: z.int().describe("The version of the group; the ETag.") });
const leftMember = z.strictObject({
  object: z.literal("group.member"),
  user_id: z.string(),
  removed: z.literal(true),
  group_version: z.int(),
});

const knowing = [groupFailures.not_found];
const changing = [...knowing, groupFailures.not_permitted, groupFailures.version_mismatch, groupFailures.archived];

const placing = [groupFailures.parent_not_found, groupFailures.parent_circular, groupFailures.too_deep];

const groupsThemselves = [
  json({
    method: "POST",
    path: "/api/v1/groups",
    permission: "group:create",
    operation: "createGroup",
    impersonation: "allowed",
    summary: "Creates a group, owned by the caller or by 'owner_id'.",
    body: z.strictObject({
      name: groupFields.name.describe("Unique among the tenant's groups that are not archived."),
      description: groupFields.description.default(""),
      owner_id: groupFields.userId.optional(),
      parent_id: groupFields.parentId.optional().describe("A group that the caller may change; at most 8 levels."),
    }),
    response: group,
    successStatus: 201,
    versionOf: ({ version }) => version,
    failures: [
      groupFailures.name_taken,
      groupFailures.too_many_groups,
      groupFailures.person_not_found,
      groupFailures.owner_missing,
      ...placing,
    ],
    async handle(ops, request) {
      const { name, description, owner_id: ownerId, parent_id: parentId } = request.body;
      return toBody(await ops.createGroup({ ...scopeOf(request), name, description, ownerId, parentId }));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/groups",
    permission: "group:read",
    operation: "listGroups",
    summary:
      "Groups, newest first: the tenant's for those who hold group:manage, for others those that they are in, and those below them.",
    query: z.strictObject({
      ...pageQueryFields,
      status: z.enum(["active", "archived"]).optional(),
      name: z.string().max(100).optional().describe("Only groups whose names contain this, in whatever case."),
      parent: z.string().max(64).optional().describe("Only groups directly below this one."),
      member: z.string().max(64).optional().describe("Only groups that this person is in; 'me' is the caller."),
    }),
    response: pageOf(group),
    async handle(ops, request) {
      const { member: wanted, parent: parentId, ...query } = request.query;
      const memberId = wanted === "me" ? requireCaller(request).userId : wanted;
      return toPageBody(await ops.listGroups({ ...scopeOf(request), ...query, memberId, parentId }), toBody);
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/groups/{id}",
    permission: "group:read",
    operation: "getGroup",
    summary: "A group as it is, or as it was at a version or time.",
    params,
    query: z.strictObject({
      version: z.coerce.number().int().min(1).optional(),
      at: z.iso.datetime({ offset: true }).optional(),
    }),
    response: group,
    versionOf: ({ version }) => version,
    failures: [...knowing, groupFailures.version_not_found],
    async handle(ops, request) {
      const { version: atVersion, at } = request.query;
      const atTimeMs = at === undefined ? undefined : Date.parse(at);
      return toBody(await ops.getGroup({ ...scopeOf(request), groupId: request.params.id, atVersion, atTimeMs }));
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/groups/{id}",
    permission: "group:update",
    operation: "updateGroup",
    impersonation: "allowed",
    summary: "Changes a group's name or description, or with which role newcomers join it.",
    params,
    body: z.strictObject({
      name: groupFields.name.optional(),
      description: groupFields.description.optional(),
      join_role: groupFields.joinRole
        .nullable()
        .optional()
        .describe("For those who hold group:manage; null for nobody."),
    }),
    response: group,
    versionOf: ({ version }) => version,
    failures: [...changing, groupFailures.name_taken, groupFailures.permission_not_held],
    async handle(ops, request) {
      const { name, description, join_role } = request.body;
      const joinRole = join_role === null ? "" : join_role;
      return toBody(await ops.updateGroup({ ...changeOf(request), name, description, joinRole }));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/groups/{id}",
    permission: "group:delete",
    operation: "archiveGroup",
    summary: "Archives a group: it changes no more, and its name is free.",
    params,
    response: group,
    versionOf: ({ version }) => version,
    failures: [...knowing, groupFailures.not_permitted, groupFailures.version_mismatch, groupFailures.has_children],
    handle: async (ops, request) => toBody(await ops.archiveGroup(changeOf(request))),
  }),
  json({
    method: "PUT",
    path: "/api/v1/groups/{id}/parent",
    permission: "group:update",
    operation: "moveGroup",
    summary: "Puts a group, with all below it, below another one or at the top.",
    params,
    body: z.strictObject({ parent_id: groupFields.parentId.nullable().describe("Null for the top.") }),
    response: group,
    versionOf: ({ version }) => version,
    failures: [...changing, ...placing],
    handle: async (ops, request) =>
      toBody(await ops.moveGroup({ ...changeOf(request), parentId: request.body.parent_id ?? "" })),
  }),
  json({
    method: "PUT",
    path: "/api/v1/groups/{id}/permissions",
    permission: "group:manage",
    operation: "setGroupPermissions",
    summary: "Replaces what the members of a group hold in the tenant: no more than the caller holds.",
    params,
    body: z.strictObject({ permissions: groupFields.permissions }),
    response: group,
    versionOf: ({ version }) => version,
    failures: [...changing, groupFailures.permission_not_held],
    handle: async (ops, request) => toBody(await ops.setGroupPermissions({ ...changeOf(request), ...request.body })),
  }),
  json({
    method: "GET",
    path: "/api/v1/groups/{id}/history",
    permission: "group:read",
    operation: "listGroupEvents",
    summary: "What happened to a group, newest first.",
    params,
    query: z.strictObject(pageQueryFields),
    response: pageOf(eventEnvelope),
    failures: [...knowing, groupFailures.not_permitted],
    async handle(ops, request) {
      const page = await ops.listGroupEvents({ ...scopeOf(request), groupId: request.params.id, ...request.query });
      return toPageBody(page, (event) => event);
    },
  }),
];

const members = [
  json({
    method: "POST",
    path: "/api/v1/groups/{id}/members",
    permission: "group:update",
    operation: "addMember",
    summary: "Takes a person of the tenant into a group.",
    params,
    body: z.strictObject({ user_id: groupFields.userId, role: groupFields.role.default("member") }),
    response: changedMember,
    successStatus: 201,
    versionOf: ({ group_version }) => group_version,
    failures: [
      ...changing,
      groupFailures.person_not_found,
      groupFailures.permission_not_held,
      groupFailures.member_exists,
      groupFailures.too_many_members,
    ],
    async handle(ops, request) {
      const { user_id: userId, role } = request.body;
      const { member, version } = await ops.addMember({ ...changeOf(request), userId, role });
      return { ...toMemberBody(member), group_version: version };
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/groups/{id}/members",
    permission: "group:read",
    operation: "listMembers",
    summary: "Who is in a group, in the order of their ids.",
    params,
    query: z.strictObject({
      ...pageQueryFields,
      role: groupFields.role.optional(),
      user_id: idsQueryField.optional().describe("Up to 100 people who are asked about, with commas in between."),
    }),
    response: pageOf(member),
    failures: knowing,
    async handle(ops, request) {
      const { user_id: userIds, ...query } = request.query;
      const page = await ops.listMembers({ ...scopeOf(request), groupId: request.params.id, userIds, ...query });
      return toPageBody(page, toMemberBody);
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/groups/{id}/members/{user_id}",
    permission: "group:update",
    operation: "changeMemberRole",
    summary: "Gives a member another role.",
    params: memberParams,
    body: z.strictObject({ role: groupFields.role }),
    response: changedMember,
    versionOf: ({ group_version }) => group_version,
    failures: [...changing, groupFailures.member_not_found, groupFailures.last_owner],
    async handle(ops, request) {
      const userId = request.params.user_id;
      const { member, version } = await ops.changeMemberRole({ ...changeOf(request), userId, ...request.body });
      return { ...toMemberBody(member), group_version: version };
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/groups/{id}/members/{user_id}",
    permission: "group:update",
    operation: "removeMember",
    summary: "Takes somebody out of a group; 'me' leaves it.",
    params: memberParams,
    response: leftMember,
    versionOf: ({ group_version }) => group_version,
    failures: [...changing, groupFailures.member_not_found, groupFailures.last_owner],
    async handle(ops, request) {
      const { user_id } = request.params;
      const wanted = user_id === "me" ? requireCaller(request).userId : user_id;
      const { userId, version } = await ops.removeMember({ ...changeOf(request), userId: wanted });
      return { object: "group.member" as const, user_id: userId, removed: true as const, group_version: version };
    },
  }),
];

/** A tenant's groups and who is in them. What is reached is decided by `group:manage` or by the role in the group. */
export const groupRoutes = [...groupsThemselves, ...members];

/** Whose groups, and on whose behalf. */
function scopeOf(request: { readonly caller: Caller | undefined }) {
  const { tenantId, userId, permissions } = requireCaller(request);
  return { tenantId, actor: { userId, permissions } };
}

function changeOf(request: {
  readonly caller: Caller | undefined;
  readonly params: { readonly id: string };
  readonly expectedVersion: number | undefined;
}) {
  return { ...scopeOf(request), groupId: request.params.id, expectedVersion: request.expectedVersion };
}

function toBody(row: Group): z.input<typeof group> {
  return {
    object: "group",
    id: row.groupId,
    name: row.name,
    description: row.description,
    status: row.status,
    parent_id: row.parentId === "" ? null : row.parentId,
    permissions: [...row.permissions],
    join_role: row.joinRole === "" || row.joinRole === "owner" ? null : row.joinRole,
    budgets_path: `/v1/billing/budgets?scope=group&scope_id=${row.groupId}`,
    member_count: row.memberCount,
    version: row.version,
    created_by: row.createdBy,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

function toMemberBody({ userId, role, permissions, addedBy, addedAt }: Member): z.input<typeof member> {
  return {
    object: "group.member",
    user_id: userId,
    role,
    permissions: [...permissions],
    added_by: addedBy,
    added_at: addedAt.toISOString(),
  };
}
