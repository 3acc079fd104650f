import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  CredentialCreatedSchema,
  CredentialRevokedSchema,
  CredentialRotatedSchema,
} from "../gen/lyss/credential/v1/credential_pb.js";

export const credentialCreated = defineEvent(
  "credential.created",
  CredentialCreatedSchema,
  (event) => event.credentialId,
);

/** The secret or its origins changed; nodes reveal it anew. */
export const credentialRotated = defineEvent(
  "credential.rotated",
  CredentialRotatedSchema,
  (event) => event.credentialId,
);

export const credentialRevoked = defineEvent(
  "credential.revoked",
  CredentialRevokedSchema,
  (event) => event.credentialId,
);
