import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  ClientChangedSchema,
  ClientDeletedSchema,
  ConnectionChangedSchema,
  ConnectionDeletedSchema,
  ConsentGivenSchema,
} from "../gen/lyss/sso/v1/sso_pb.js";

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
