import { defineEvent } from "@lyss/kit/events/event.ts";
import { ConnectionChangedSchema, ConnectionDeletedSchema } from "../gen/lyss/sso/v1/sso_pb.js";

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
