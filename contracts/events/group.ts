import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  GroupArchivedSchema,
  GroupCreatedSchema,
  GroupMemberAddedSchema,
  GroupMemberRemovedSchema,
  GroupMemberRoleChangedSchema,
  GroupMovedSchema,
  GroupPermissionsChangedSchema,
  GroupUpdatedSchema,
  PersonErasedSchema,
} from "../gen/lyss/group/v1/group_pb.js";
import { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";

export const groupCreated = defineEvent("group.created", GroupCreatedSchema, (event) => event.groupId);

/** Name, description or the role of those who join changed. */
export const groupUpdated = defineEvent("group.updated", GroupUpdatedSchema, (event) => event.groupId);

/** The group changes no more. */
export const groupArchived = defineEvent("group.archived", GroupArchivedSchema, (event) => event.groupId);

export const groupMemberAdded = defineEvent("group.member.added", GroupMemberAddedSchema, (event) => event.groupId);

export const groupMemberRemoved = defineEvent(
  "group.member.removed",
  GroupMemberRemovedSchema,
  (event) => event.groupId,
);

export const groupMemberRoleChanged = defineEvent(
  "group.member.role_changed",
  GroupMemberRoleChangedSchema,
  (event) => event.groupId,
);

/** The group is below another one, or at the top. */
export const groupMoved = defineEvent("group.moved", GroupMovedSchema, (event) => event.groupId);

/** Its members hold more or less in their tenant. */
export const groupPermissionsChanged = defineEvent(
  "group.permissions_changed",
  GroupPermissionsChangedSchema,
  (event) => event.groupId,
);

/** A person who is gone is in no group any more. */
export const groupPersonErased = defineEvent("group.person.erased", PersonErasedSchema, (event) => event.userId);

/** What group keeps of a person who asked for it. */
export const groupPersonExported = defineEvent(
  "group.person.exported",
  PersonExportedSchema,
  (event) => event.exportId,
);
