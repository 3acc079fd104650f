import { defineEvent } from "@lyss/kit/events/event.ts";
import { KeyCreatedSchema, KeyRevokedSchema, KeyUpdatedSchema } from "../gen/lyss/auth/v1/auth_pb.js";

export const keyCreated = defineEvent("key.created", KeyCreatedSchema, (event) => event.keyId);

/** What is given of a key has changed; nodes drop what they cached of it. */
export const keyUpdated = defineEvent("key.updated", KeyUpdatedSchema, (event) => event.keyId);

/** A key, or its secret before a rotation, stops working; nodes drop what they cached of the key. */
export const keyRevoked = defineEvent("key.revoked", KeyRevokedSchema, (event) => event.keyId);
