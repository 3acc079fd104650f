import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  ClientChangedSchema,
  ClientDeletedSchema,
  ConnectionChangedSchema,
  ConnectionDeletedSchema,
  ConsentGivenSchema,
  PersonErasedSchema,
  ScimResourceChangedSchema,
  ScimTokenChangedSchema,
} from "../gen/lyss/sso/v1/sso_pb.js";
import { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";

export const ssoConnectionCreated = defineEvent(
  "sso.connection.created",
  ConnectionChangedSchema,
  (event) => event.connectionId,
);

export const ssoConnectionUpdated = defineEvent(
  "sso.connection.updated",
  ConnectionChangedSchema,
  (event) => event.connectionId,
);

export const ssoConnectionDeleted = defineEvent(
  "sso.connection.deleted",
  ConnectionDeletedSchema,
  (event) => event.connectionId,
);

export const ssoClientCreated = defineEvent("sso.client.created", ClientChangedSchema, (event) => event.clientId);

export const ssoClientUpdated = defineEvent("sso.client.updated", ClientChangedSchema, (event) => event.clientId);

export const ssoClientDeleted = defineEvent("sso.client.deleted", ClientDeletedSchema, (event) => event.clientId);

export const ssoConsentGiven = defineEvent("sso.consent.given", ConsentGivenSchema, (event) => event.clientId);

export const ssoScimUserCreated = defineEvent(
  "sso.scim_user.created",
  ScimResourceChangedSchema,
  (event) => event.resourceId,
);

export const ssoScimUserUpdated = defineEvent(
  "sso.scim_user.updated",
  ScimResourceChangedSchema,
  (event) => event.resourceId,
);

export const ssoScimUserDeleted = defineEvent(
  "sso.scim_user.deleted",
  ScimResourceChangedSchema,
  (event) => event.resourceId,
);

export const ssoScimGroupCreated = defineEvent(
  "sso.scim_group.created",
  ScimResourceChangedSchema,
  (event) => event.resourceId,
);

export const ssoScimGroupUpdated = defineEvent(
  "sso.scim_group.updated",
  ScimResourceChangedSchema,
  (event) => event.resourceId,
);

export const ssoScimGroupDeleted = defineEvent(
  "sso.scim_group.deleted",
  ScimResourceChangedSchema,
  (event) => event.resourceId,
);

export const ssoScimTokenCreated = defineEvent(
  "sso.scim_token.created",
  ScimTokenChangedSchema,
  (event) => event.tokenId,
);

export const ssoScimTokenRevoked = defineEvent(
  "sso.scim_token.revoked",
  ScimTokenChangedSchema,
  (event) => event.tokenId,
);

/** What is told of people, groups and tokens of SCIM. */
export const ssoScimEvents = [
  ...[ssoScimUserCreated, ssoScimUserUpdated, ssoScimUserDeleted],
  ...[ssoScimGroupCreated, ssoScimGroupUpdated, ssoScimGroupDeleted],
  ...[ssoScimTokenCreated, ssoScimTokenRevoked],
];

/** What sso keeps of a person who asked for it. */
export const ssoPersonExported = defineEvent("sso.person.exported", PersonExportedSchema, (event) => event.exportId);

/** Nothing that connections, programs or SCIM told of a person who is gone is kept any more. */
export const ssoPersonErased = defineEvent("sso.person.erased", PersonErasedSchema, (event) => event.userId);
