import { type AccessScope, type Decision, decide, type Grant } from "@lyss/contracts/access/decide.ts";
import {
  type GroupRole,
  greaterRole,
  permissionsByGroupRole,
  toGroupRole,
} from "@lyss/contracts/access/group-roles.ts";
import { permissionsOfRole } from "@lyss/contracts/access/roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";

/** Held by those who may ask what others are allowed. */
export const checkOthersPermission = "user:check";

export interface CheckPermissionInput {
  readonly tenantId: string;
  /** Whose permission is meant. */
  readonly userId: string;
  readonly asker: { readonly userId: string; readonly permissions: readonly string[] };
  /** `resource:action`, without `*`. */
  readonly permission: string;
  readonly scope: AccessScope;
}

/** What everybody may do with what is their own. */
const ownPermissions = ["user:read", "user:update", "user:delete"];

/**
 * Whether a person may do something now, and why: the answer that a session of theirs would get. Who is barred may do nothing. Throws
 * `person_not_found`, `group_not_found`, and `kit.permission_denied` for those who ask about others without `user:check`.
 */
export async function checkPermission(
  deps: Pick<AuthDeps, "db" | "access" | "principals">,
  input: CheckPermissionInput,
): Promise<Decision> {
  const { tenantId, userId, asker, permission, scope } = input;
  if (asker.userId !== userId && !permits(asker.permissions, checkOthersPermission)) {
    throw new Failure(kitFailures.permission_denied, { permission: checkOthersPermission });
  }
  const person = await deps.principals.findPrincipal(tenantId, userId);
  if (!person || userId === "") throw new Failure(authFailures.person_not_found);
  const groupGrants = scope.kind === "group" ? await listGroupGrants(deps, input) : [];
  const tenant = await deps.principals.findPrincipal(tenantId, "");
  if (person.isBarred || tenant?.isBarred) return barred;
  const given = await deps.access.listGiven(deps.db.sql, { tenantId, userId });
  const grants: Grant[] = [
    ...(permissionsOfRole(person.role, person.rolePermissions) ?? []).map((each) => toGrant(each, "role", person.role)),
    ...given.map((each) => toGrant(each.permission, "group_permission", each.groupId)),
    ...groupGrants,
    ...ownPermissions.map((each): Grant => {
      return { permission: each, scope: { kind: "own", id: "" }, source: { kind: "self", name: userId } };
    }),
  ];
  return decide(grants, { permission, scope });
}

const barred: Decision = {
  isAllowed: false,
  explanation: {
    en_US: "Everything is refused: the person, or the tenant as a whole, is suspended.",
    zh_CN: "拒绝一切操作：该用户或其所属租户已被停用。",
  },
};

function toGrant(permission: string, kind: "role" | "group_permission", name: string): Grant {
  const isPlatform = permission.startsWith("platform:");
  return { permission, scope: { kind: isPlatform ? "platform" : "tenant", id: "" }, source: { kind, name } };
}

/** What the person's role in a group, or in one above it, gives there. Throws `group_not_found`, also for an asker who has none. */
async function listGroupGrants(
  { access }: Pick<AuthDeps, "access">,
  { tenantId, userId, scope, asker }: CheckPermissionInput,
): Promise<readonly Grant[]> {
  const roleOf = async (one: string) => {
    const rows = await access.listRolesUpwards({ tenantId, groupId: scope.id, userId: one });
    if (rows.length === 0) throw new Failure(authFailures.group_not_found);
    return rows
      .map(({ role }) => (role === null ? undefined : toGroupRole(role)))
      .reduce<GroupRole | undefined>((one, other) => greaterRole(one, other), undefined);
  };
  const isKnown = permits(asker.permissions, "group:manage") || (await roleOf(asker.userId)) !== undefined;
  if (!isKnown) throw new Failure(authFailures.group_not_found);
  const role = await roleOf(userId);
  if (!role) return [];
  return permissionsByGroupRole[role].map((permission): Grant => {
    return { permission, scope, source: { kind: "group_role", name: role } };
  });
}
