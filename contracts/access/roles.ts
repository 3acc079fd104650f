import { permits } from "@lyss/kit/rpc/call-context.ts";

/** Roles that every tenant has, from the least to the most; `operator` is of those who operate the installation. */
export const builtInRoles = ["viewer", "member", "admin", "owner", "operator"] as const;
export type BuiltInRole = (typeof builtInRoles)[number];

export function isBuiltInRole(role: string): role is BuiltInRole {
  return Object.hasOwn(permissionsByRole, role);
}

/** What a role is called, a built-in one too: 2 to 32 characters of a-z, 0-9 and inner dashes, a letter first. */
export const roleNamePattern = /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/;

/** What everybody may do, whatever the role: see to their own account. */
const ownAccountPermissions: readonly string[] = ["user:read", "session:read", "session:delete", "factor:manage"];

/**
 * What a role may do: of a built-in one as written here, of another what its tenant has given it, and what everybody may do. Undefined
 * where there is no such role.
 */
export function permissionsOfRole(
  role: string,
  given: readonly string[] | null | undefined,
): readonly string[] | undefined {
  if (isBuiltInRole(role)) return permissionsByRole[role];
  return given ? [...new Set([...given, ...ownAccountPermissions])] : undefined;
}

/** A permission that is wanted and not held; undefined when all are. */
export function findNotHeld(held: readonly string[], wanted: readonly string[]): string | undefined {
  return wanted.find((permission) => !permits(held, permission));
}

/** What each role may do in its tenant. Deny by default: what is not listed is refused. */
export const permissionsByRole: Readonly<Record<string, readonly string[]>> = {
  operator: ["*", "platform:*"],
  owner: ["*"],
  admin: [
    "user:*",
    "factor:manage",
    "group:*",
    "tenant:*",
    "sso:*",
    "key:*",
    "client:*",
    "credential:*",
    "provider:*",
    "model:*",
    "mcp_server:*",
    "tool:*",
    "agent:*",
    "request_body:*",
    "export:*",
    "webhook:*",
    "billing:read",
    "billing:audit",
    "billing:budget",
    "audit:read",
    "role:manage",
    "session:*",
    "token:introspect",
  ],
  member: [
    "session:read",
    "session:delete",
    "user:read",
    "tenant:read",
    "factor:manage",
    "group:read",
    "group:create",
    "group:update",
    "group:delete",
    "key:create",
    "key:read",
    "key:update",
    "key:delete",
    "key:rotate",
    "model:call",
    "model:list",
    "tool:call",
    "agent:call",
    "billing:read",
  ],
  viewer: [
    "session:read",
    "session:delete",
    "user:read",
    "factor:manage",
    "tenant:read",
    "group:read",
    "key:read",
    "model:list",
    "billing:read",
  ],
};
