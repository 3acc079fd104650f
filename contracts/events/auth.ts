import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  AccessChangedSchema,
  ImpersonationStartedSchema,
  KeyCreatedSchema,
  KeyRevokedSchema,
  KeyUpdatedSchema,
  PersonErasedSchema,
  RoleChangedSchema,
  RoleRemovedSchema,
  ServiceClientCreatedSchema,
  ServiceClientRemovedSchema,
  ServiceClientUpdatedSchema,
  SessionEndedSchema,
  SessionStartedSchema,
  SubjectLimitReachedSchema,
  SubjectLimitsChangedSchema,
} from "../gen/lyss/auth/v1/auth_pb.js";
import { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";

export const keyCreated = defineEvent("key.created", KeyCreatedSchema, (event) => event.keyId);

/** What is given of a key has changed; nodes drop what they cached of it. */
export const keyUpdated = defineEvent("key.updated", KeyUpdatedSchema, (event) => event.keyId);

/** A key, or its secret before a rotation, stops working; nodes drop what they cached of the key. */
export const keyRevoked = defineEvent("key.revoked", KeyRevokedSchema, (event) => event.keyId);

export const sessionStarted = defineEvent("session.started", SessionStartedSchema, (event) => event.sessionId);

export const sessionEnded = defineEvent("session.ended", SessionEndedSchema, (event) => event.sessionId);

/** What a person, a tenant, a session or a key may do has changed; nodes drop what they remember of it. */
export const accessChanged = defineEvent(
  "access.changed",
  AccessChangedSchema,
  ({ tenantId, userId }) => userId || tenantId,
);

/** The sessions and keys of a person who is gone have ended, and say nothing of the person any more. */
export const authPersonErased = defineEvent("auth.person.erased", PersonErasedSchema, (event) => event.userId);

/** An operator acts in a person's name; `session.ended` tells when no more, unless its time runs out. */
export const impersonationStarted = defineEvent(
  "impersonation.started",
  ImpersonationStartedSchema,
  (event) => event.sessionId,
);

/** What happens to programs of a tenant that get tokens of their own. */
export const serviceClientCreated = defineEvent(
  "service_client.created",
  ServiceClientCreatedSchema,
  (event) => event.clientId,
);
export const serviceClientUpdated = defineEvent(
  "service_client.updated",
  ServiceClientUpdatedSchema,
  (event) => event.clientId,
);
export const serviceClientRemoved = defineEvent(
  "service_client.removed",
  ServiceClientRemovedSchema,
  (event) => event.clientId,
);
export const serviceClientEvents = [serviceClientCreated, serviceClientUpdated, serviceClientRemoved];

/** What happens to the roles that a tenant has made. Whose permissions that changes, `access.changed` tells. */
export const roleCreated = defineEvent("role.created", RoleChangedSchema, (event) => event.tenantId);
export const roleUpdated = defineEvent("role.updated", RoleChangedSchema, (event) => event.tenantId);
export const roleRemoved = defineEvent("role.removed", RoleRemovedSchema, (event) => event.tenantId);
export const roleEvents = [roleCreated, roleUpdated, roleRemoved];

/** How much all members of a group together, or a person, may use has changed. Nodes hear of it by `access.changed`. */
export const groupLimitsChanged = defineEvent(
  "group.limits_changed",
  SubjectLimitsChangedSchema,
  (event) => event.subjectId,
);
export const userLimitsChanged = defineEvent(
  "user.limits_changed",
  SubjectLimitsChangedSchema,
  (event) => event.subjectId,
);

/** Calls meet such a limit. Told at most once a minute for each. */
export const groupLimitReached = defineEvent(
  "group.limit_reached",
  SubjectLimitReachedSchema,
  (event) => event.subjectId,
);
export const userLimitReached = defineEvent(
  "user.limit_reached",
  SubjectLimitReachedSchema,
  (event) => event.subjectId,
);
export const subjectLimitEvents = [groupLimitsChanged, userLimitsChanged, groupLimitReached, userLimitReached];

/** What auth keeps of a person who asked for it. */
export const authPersonExported = defineEvent("auth.person.exported", PersonExportedSchema, (event) => event.exportId);
