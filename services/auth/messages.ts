import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  KeyRefusal,
  KeyRevocationReason,
  KeyStatus,
  SessionEndReason,
} from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Started } from "./factors/sign-in-challenge.ts";
import type { KeyLimits } from "./key-limits.ts";
import { toHeldMessages } from "./limits/limit-messages.ts";
import { type Author, type Key, keyStatus } from "./model.ts";
import type { KeyVerdict } from "./ops/verify-key.ts";
import type { Session, SessionEnd, SessionEnding, SessionVerdict } from "./session-model.ts";

const statuses = { active: KeyStatus.ACTIVE, revoked: KeyStatus.REVOKED, expired: KeyStatus.EXPIRED } as const;
const reasons = {
  revoked: KeyRevocationReason.REVOKED,
  rotated: KeyRevocationReason.ROTATED,
  leaked: KeyRevocationReason.LEAKED,
} as const;
const refusals = {
  malformed: KeyRefusal.MALFORMED,
  unknown: KeyRefusal.UNKNOWN,
  revoked: KeyRefusal.REVOKED,
  expired: KeyRefusal.EXPIRED,
  barred: KeyRefusal.BARRED,
} as const;

/** A key as RPCs carry it. */
export function toKeyMessage(key: Key, nowMs: number) {
  const { keyId, tenantId, userId, name, description, prefix, permissions, models, createdBy } = key;
  return {
    ...{ keyId, tenantId, userId, name, description, prefix, createdBy },
    ...{ permissions: [...permissions], models: [...models], limits: toLimitsMessage(key.limits) },
    status: statuses[keyStatus(key, nowMs)],
    createdAt: timestampFromDate(key.createdAt),
    updatedAt: timestampFromDate(key.updatedAt),
    ...withTime("expiresAt", key.expiresAt),
    ...withTime("lastUsedAt", key.lastUsedAt),
    ...withTime("revokedAt", key.revokedAt),
  };
}

/** A verdict as RPCs carry it. */
export function toVerdictMessage(verdict: KeyVerdict) {
  if (!verdict.isVerified) return { case: "refused", value: refusals[verdict.reason] } as const;
  const { keyId, tenantId, userId, permissions, models } = verdict.key;
  const value = {
    ...{ keyId, tenantId, userId, permissions: [...permissions], models: [...models] },
    limits: toLimitsMessage(verdict.key.limits),
    ...withTime("expiresAt", verdict.expiresAt),
    ephemeralKeyId: verdict.ephemeral?.ephemeralKeyId ?? "",
    ...withTime("beginsUntil", verdict.ephemeral?.beginsUntil ?? null),
    heldLimits: toHeldMessages(verdict.heldLimits),
  };
  return { case: "verified", value } as const;
}

/** What `key.created` says. */
export function toKeyCreated({ keyId, tenantId, userId, createdAt, createdBy, limits }: Key, clientAddress: string) {
  const names = { keyId, tenantId, userId, createdBy, clientAddress };
  return { ...names, createdAt: timestampFromDate(createdAt), limits: toLimitsMessage(limits) };
}

/** What `key.updated` says. */
export function toKeyUpdated(
  before: Key,
  { keyId, tenantId, userId, updatedAt, limits }: Key,
  changedFields: readonly string[],
  { userId: updatedBy, clientAddress }: Author,
) {
  return {
    ...{ keyId, tenantId, userId, updatedAt: timestampFromDate(updatedAt), updatedBy, clientAddress },
    ...{ changedFields: [...changedFields], limits: toLimitsMessage(limits) },
    limitsBefore: toLimitsMessage(before.limits),
  };
}

/** Limits on the wire, where 0 stands for none. */
function toLimitsMessage({ budget, ...limits }: KeyLimits) {
  return {
    requestsPerMinute: limits.requestsPerMinute ?? 0,
    maxConcurrentRequests: limits.maxConcurrentRequests ?? 0,
    tokensPerMinute: BigInt(limits.tokensPerMinute ?? 0),
    ...(budget && { budget: { ...budget } }),
    allowedIps: [...limits.allowedIps],
    allowedOrigins: [...limits.allowedOrigins],
  };
}

/** What `key.revoked` says: secrets of the key that are known now stop working at `effectiveAt`. */
export function toKeyRevoked(
  { keyId, tenantId, userId }: Key,
  reason: keyof typeof reasons,
  effectiveAt: Date,
  { userId: revokedBy, clientAddress }: Author,
) {
  const names = { keyId, tenantId, userId, revokedBy, clientAddress };
  return { ...names, reason: reasons[reason], effectiveAt: timestampFromDate(effectiveAt) };
}

/** What a sign-in gives, as RPCs carry it. */
export function toStartedMessage(started: Started) {
  if (started.kind === "tokens") return { result: { case: "tokens", value: started.tokens } } as const;
  const { challengeToken, expiresInSeconds, factors, sessionId } = started.required;
  const token = { challengeToken: challengeToken.reveal(), expiresInSeconds, factors: [...factors] };
  const value = { ...token, sessionId, sessionEndsAt: timestampFromDate(started.sessionEndsAt) };
  return { result: { case: "factorRequired", value } } as const;
}

/** What a session may do, as RPCs carry it. */
export function toSessionMessage(verdict: SessionVerdict) {
  if (!verdict.isActive) return { isActive: false };
  const { role, permissions, session, client, hasFactor } = verdict;
  const { tenantId, userId, createdAt, factorAt, provenAt, expiresAt, clientId, operatorId } = session;
  return {
    ...{ isActive: true, tenantId, userId, role, permissions: [...permissions], hasFactor },
    ...{ clientId: clientId ?? "", operatorId: operatorId ?? "" },
    heldLimits: toHeldMessages(verdict.heldLimits),
    ...(client && { models: [...client.models], allowedIps: [...client.allowedIps] }),
    ...withTime("signedInAt", createdAt),
    ...withTime("factorAt", factorAt),
    ...withTime("provenAt", provenAt),
    ...withTime("expiresAt", expiresAt),
  };
}

const endReasons: Readonly<Record<SessionEnd, SessionEndReason>> = {
  signed_out: SessionEndReason.SIGNED_OUT,
  revoked: SessionEndReason.REVOKED,
  reuse: SessionEndReason.REUSE,
  credential_changed: SessionEndReason.CREDENTIAL_CHANGED,
  barred: SessionEndReason.BARRED,
  too_many: SessionEndReason.TOO_MANY,
};

/** A reason as it came in; `revoked` where none was given. */
export function fromEndReason(given: SessionEndReason): SessionEnd {
  const [name = "revoked"] = Object.entries(endReasons).find(([, reason]) => reason === given) ?? [];
  return name as SessionEnd;
}

/** What `session.started` says. */
export function toSessionStarted({ sessionId, tenantId, userId, methods, clientAddress, createdAt }: Session) {
  const names = { sessionId, tenantId, userId, methods: [...methods], clientAddress };
  return { ...names, startedAt: timestampFromDate(createdAt) };
}

/** What `session.ended` says. */
export function toSessionEnded(
  names: { readonly sessionId: string; readonly tenantId: string; readonly userId: string },
  endedAt: Date,
  { reason, actorId: endedBy, clientAddress }: SessionEnding,
) {
  return { ...names, reason: endReasons[reason], endedAt: timestampFromDate(endedAt), endedBy, clientAddress };
}

/** A time on the wire: absent rather than null. */
function withTime<Name extends string>(name: Name, time: Date | null) {
  return (time ? { [name]: timestampFromDate(time) } : {}) as { readonly [_ in Name]?: Timestamp };
}
