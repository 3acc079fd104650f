import { tenantPermissions } from "@lyss/contracts/access/permissions.ts";
import { builtInRoles, permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { pageOf } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type JsonRequest, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AuthOps } from "../ops.ts";
import { manageRolesPermission, type Role, roleFields } from "./role-model.ts";

const { json } = routesFor<AuthOps>();

const params = z.strictObject({ id: z.string().max(64) });
const roleParams = params.extend({ name: roleFields.name });
const time = z.iso.datetime();
const roleBody = z.strictObject({
  object: z.literal("role"),
  name: roleFields.name.meta({ examples: ["support"] }),
  title: z.string().meta({ examples: ["Support"] }),
  description: z.string(),
  permissions: z
    .array(z.string())
    .describe(
      "Everybody has besides what it takes to see to their own account: user:read, session:read, session:delete, factor:manage.",
    ),
  built_in: z.boolean().describe("Whether every tenant has it, and nobody changes it."),
  version: z.int().describe("1, and one more for each change; the ETag. 0 for a built-in role."),
  created_at: time.nullable(),
  updated_at: time.nullable(),
});
const newFields = {
  title: roleFields.title.describe("For people to read.").meta({ examples: ["Support"] }),
  description: roleFields.description.describe("For people to read."),
  permissions: roleFields.permissions.describe(
    "`resource:action`, or `resource:*`; none that one does not hold oneself.",
  ),
};
const changing = [
  ...[tenantFailures.not_found, authFailures.role_not_found, authFailures.role_built_in],
  ...[authFailures.role_version_mismatch, authFailures.role_above_own],
];

/** What roles may hold, and the roles of a tenant. */
export const roleRoutes = [
  json({
    method: "GET",
    path: "/api/v1/permissions",
    permission: "tenant:read",
    operation: "listPermissions",
    summary: "Every permission that a role, key, group or service client of a tenant may hold, with what it is for.",
    response: pageOf(
      z.strictObject({ object: z.literal("permission"), permission: z.string(), description: z.string() }),
    ),
    handle: (_ops, { locale }) => ({
      object: "list" as const,
      data: Object.entries(tenantPermissions).map(([permission, text]) => {
        return { object: "permission" as const, permission, description: text[locale] };
      }),
      next_cursor: null,
    }),
  }),
  json({
    method: "GET",
    path: "/api/v1/tenants/{id}/roles",
    permission: "tenant:read",
    operation: "listRoles",
    summary: "The built-in roles from the least to the most, then the tenant's own by name: at most 104, in one page.",
    params,
    response: pageOf(roleBody),
    failures: [tenantFailures.not_found],
    async handle(ops, request) {
      const own = await ops.listRoles(referenceOf(request));
      return { object: "list" as const, data: [...builtIn, ...own.map(toRoleBody)], next_cursor: null };
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/tenants/{id}/roles/{name}",
    permission: "tenant:read",
    operation: "getRole",
    summary: "A role of the tenant, or a built-in one.",
    params: roleParams,
    response: roleBody,
    versionOf: ({ version }) => version,
    failures: [tenantFailures.not_found, authFailures.role_not_found],
    async handle(ops, request) {
      const { name } = request.params;
      const known = builtIn.find((role) => role.name === name);
      return known ?? toRoleBody(await ops.getRole({ ...referenceOf(request), name }));
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/tenants/{id}/roles",
    permission: manageRolesPermission,
    operation: "createRole",
    stepUp: "with_factors",
    summary: "Makes a role, to be given to people like a built-in one. It holds no more than who makes it.",
    params,
    body: z.strictObject({
      name: roleFields.name.describe("What people are given; never changed.").meta({ examples: ["support"] }),
      title: newFields.title.optional().describe("The name unless given."),
      description: newFields.description.default(""),
      permissions: newFields.permissions,
    }),
    response: roleBody,
    successStatus: 201,
    versionOf: ({ version }) => version,
    failures: [
      ...[tenantFailures.not_found, authFailures.role_built_in, authFailures.permission_not_held],
      ...[authFailures.role_exists, authFailures.too_many_roles],
    ],
    async handle(ops, request) {
      const { name, title = name, description, permissions } = request.body;
      return toRoleBody(await ops.createRole({ ...referenceOf(request), name, title, description, permissions }));
    },
  }),
  json({
    method: "PATCH",
    path: "/api/v1/tenants/{id}/roles/{name}",
    permission: manageRolesPermission,
    operation: "updateRole",
    stepUp: "with_factors",
    summary:
      "Changes what is given of a role. Whoever has it may do no more and no less within a second, with keys and open sessions, too.",
    params: roleParams,
    body: z.strictObject(newFields).partial(),
    response: roleBody,
    versionOf: ({ version }) => version,
    failures: [...changing, authFailures.permission_not_held],
    async handle(ops, request) {
      const { body, expectedVersion } = request;
      const { name } = request.params;
      return toRoleBody(await ops.updateRole({ ...referenceOf(request), name, expectedVersion, ...body }));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/tenants/{id}/roles/{name}",
    permission: manageRolesPermission,
    operation: "removeRole",
    stepUp: "with_factors",
    summary: "Removes a role that nobody has.",
    params: roleParams,
    response: z.strictObject({
      object: z.literal("role"),
      name: z.string().meta({ examples: ["support"] }),
      deleted: z.literal(true),
    }),
    failures: [...changing, authFailures.role_in_use, authFailures.role_given],
    async handle(ops, request) {
      const { name } = await ops.removeRole({ ...referenceOf(request), name: request.params.name });
      return { object: "role" as const, name, deleted: true as const };
    },
  }),
];

/** The tenant that a path names ('me' is the caller's own), and who asks. */
function referenceOf(
  request: Pick<JsonRequest<unknown, unknown, { id: string }>, "caller" | "params" | "clientAddress">,
) {
  const { tenantId: own, userId, permissions } = requireCaller(request);
  const author = { tenantId: own, userId, permissions, clientAddress: request.clientAddress };
  const { id } = request.params;
  return { tenantId: id === "me" ? own : id, author };
}

/** Those that a tenant gives; `operator` is given by operators. */
const builtIn = builtInRoles
  .filter((name) => name !== "operator")
  .map((name): z.input<typeof roleBody> => {
    const permissions = [...(permissionsByRole[name] ?? [])];
    const times = { created_at: null, updated_at: null };
    return { object: "role", name, title: name, description: "", permissions, built_in: true, version: 0, ...times };
  });

function toRoleBody({ name, title, description, permissions, version, ...role }: Role): z.input<typeof roleBody> {
  return {
    ...{ object: "role", name, title, description, permissions: [...permissions], built_in: false, version },
    created_at: role.createdAt.toISOString(),
    updated_at: role.updatedAt.toISOString(),
  };
}
