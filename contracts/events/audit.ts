import { defineEvent } from "@lyss/kit/events/event.ts";
import { AuditAnchoredSchema, AuditChainBrokenSchema, PersonErasedSchema } from "../gen/lyss/audit/v1/audit_pb.js";
import { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";

/** How far an audit log had come, and the digest of its end: kept apart from the log, so that it cannot be cut off unseen. */
export const auditAnchored = defineEvent("audit.anchored", AuditAnchoredSchema, (event) => event.chain);

/** A check found that somebody changed an audit log. Said by each check that finds it. */
export const auditChainBroken = defineEvent("audit.chain.broken", AuditChainBrokenSchema, (event) => event.chain);

/** The addresses in entries of a person who is gone were forgotten. */
export const auditPersonErased = defineEvent("audit.person.erased", PersonErasedSchema, (event) => event.userId);

/** What audit keeps of a person who asked for it. */
export const auditPersonExported = defineEvent(
  "audit.person.exported",
  PersonExportedSchema,
  (event) => event.exportId,
);
