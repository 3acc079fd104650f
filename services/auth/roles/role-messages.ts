import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Role, RoleAuthor } from "./role-model.ts";

/** A role as RPCs carry it. */
export function toRoleMessage({ tenantId, name, title, description, permissions, version, ...role }: Role) {
  return {
    ...{ tenantId, name, title, description, permissions: [...permissions], version: BigInt(version) },
    createdAt: timestampFromDate(role.createdAt),
    updatedAt: timestampFromDate(role.updatedAt),
  };
}

/** What `role.created` and `role.updated` say. */
export function toRoleChanged(
  { tenantId, name, title, permissions, version, updatedAt }: Role,
  { userId: actorId, clientAddress }: RoleAuthor,
  changedFields: readonly string[] = [],
) {
  return {
    ...{ tenantId, name, title, permissions: [...permissions], version: BigInt(version), actorId, clientAddress },
    ...{ changedFields: [...changedFields], changedAt: timestampFromDate(updatedAt) },
  };
}

/** What `role.removed` says. */
export function toRoleRemoved(
  { tenantId, name }: Role,
  { userId: actorId, clientAddress }: RoleAuthor,
  removedAt: Date,
) {
  return { tenantId, name, actorId, clientAddress, removedAt: timestampFromDate(removedAt) };
}
