/** What somebody is in a group. */
export type GroupRole = "owner" | "admin" | "member" | "viewer";

/** What may be done in a group. */
export type GroupPermission =
  | "group:read"
  | "group:update"
  | "group:delete"
  | "member:read"
  | "member:manage"
  | "owner:manage"
  | "history:read";

/** Held in a tenant by those who may do everything in each of its groups. */
export const manageGroupsPermission = "group:manage";

/** What each role may do in its group. Deny by default: what is not listed is refused. */
export const permissionsByGroupRole: Readonly<Record<GroupRole, readonly GroupPermission[]>> = {
  owner: ["group:read", "group:update", "group:delete", "member:read", "member:manage", "owner:manage", "history:read"],
  admin: ["group:read", "group:update", "member:read", "member:manage", "history:read"],
  member: ["group:read", "member:read", "history:read"],
  viewer: ["group:read", "member:read"],
};

const roles: readonly GroupRole[] = ["viewer", "member", "admin", "owner"];

/** The role that allows more; undefined for none. */
export function greaterRole(one: GroupRole | undefined, other: GroupRole | undefined): GroupRole | undefined {
  if (!one || !other) return one ?? other;
  return roles.indexOf(one) >= roles.indexOf(other) ? one : other;
}

/** A role that this program does not know allows the least. */
export function toGroupRole(role: string): GroupRole {
  return roles.find((known) => known === role) ?? "viewer";
}
