import { defineEvent } from "@lyss/kit/events/event.ts";
import { KeyCreatedSchema, KeyRevokedSchema } from "../gen/lyss/auth/v1/auth_pb.js";

export const keyCreated = defineEvent("key.created", KeyCreatedSchema, (event) => event.keyId);

/** A key, or its secret before a rotation, stops working; nodes drop what they cached of the key. */
export const keyRevoked = defineEvent("key.revoked", KeyRevokedSchema, (event) => event.keyId);
