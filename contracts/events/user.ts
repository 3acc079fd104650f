import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  PersonExportedSchema,
  UserAuditEntrySchema,
  UserCreatedSchema,
  UserDeletedSchema,
  UserExportRequestedSchema,
  UserFactorsResetSchema,
  UserFederatedSchema,
  UserUpdatedSchema,
} from "../gen/lyss/user/v1/user_pb.js";

export const userCreated = defineEvent("user.created", UserCreatedSchema, (event) => event.userId);
export const userUpdated = defineEvent("user.updated", UserUpdatedSchema, (event) => event.userId);
export const userDeleted = defineEvent("user.deleted", UserDeletedSchema, (event) => event.userId);
/** A sign-on connection vouches for the person. */
export const userFederated = defineEvent("user.federated", UserFederatedSchema, (event) => event.userId);
/** Whoever lost their second factors has none any more, and is signed out. */
export const userFactorsReset = defineEvent("user.factors.reset", UserFactorsResetSchema, (event) => event.userId);
/** Each service that keeps something of the person is to say what. */
export const userExportRequested = defineEvent(
  "user.export.requested",
  UserExportRequestedSchema,
  (event) => event.exportId,
);
/** What user itself keeps of the person. */
export const userPersonExported = defineEvent("user.person.exported", PersonExportedSchema, (event) => event.exportId);

const defineAudit = (act: string) => defineEvent(`user.audit.${act}`, UserAuditEntrySchema, (event) => event.userId);

/** What a person's audit log may hold. */
export const userAudit = {
  created: defineAudit("created"),
  signedIn: defineAudit("signed_in"),
  federated: defineAudit("federated"),
  impersonated: defineAudit("impersonated"),
  factorAdded: defineAudit("factor_added"),
  factorRemoved: defineAudit("factor_removed"),
  codesLocked: defineAudit("codes_locked"),
  recoveryCodesCreated: defineAudit("recovery_codes_created"),
  recoveryCodeUsed: defineAudit("recovery_code_used"),
  signInRefused: defineAudit("sign_in_refused"),
  updated: defineAudit("updated"),
  statusChanged: defineAudit("status_changed"),
  roleChanged: defineAudit("role_changed"),
  deleted: defineAudit("deleted"),
  emailVerified: defineAudit("email_verified"),
  emailChanged: defineAudit("email_changed"),
  passwordReset: defineAudit("password_reset"),
  passwordSet: defineAudit("password_set"),
  keyCreated: defineAudit("key_created"),
  keyUpdated: defineAudit("key_updated"),
  keyRotated: defineAudit("key_rotated"),
  keyRevoked: defineAudit("key_revoked"),
  keyLeaked: defineAudit("key_leaked"),
  factorsReset: defineAudit("factors_reset"),
  exportRequested: defineAudit("export_requested"),
  exportDownloaded: defineAudit("export_downloaded"),
} as const;

/** All of it. */
export const userAuditEvents = Object.values(userAudit);
