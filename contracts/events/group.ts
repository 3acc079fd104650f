import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  GroupArchivedSchema,
  GroupCreatedSchema,
  GroupMemberAddedSchema,
  GroupMemberRemovedSchema,
  GroupMemberRoleChangedSchema,
  GroupUpdatedSchema,
} from "../gen/lyss/group/v1/group_pb.js";

export const groupCreated = defineEvent("group.created", GroupCreatedSchema, (event) => event.groupId);

/** Name or description changed. */
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
