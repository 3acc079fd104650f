import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { KeyRefusal, KeyRevocationReason, KeyStatus } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { type Author, type Key, keyStatus } from "./model.ts";
import type { KeyVerdict } from "./ops/verify-key.ts";

const statuses = { active: KeyStatus.ACTIVE, revoked: KeyStatus.REVOKED, expired: KeyStatus.EXPIRED } as const;
const reasons = { revoked: KeyRevocationReason.REVOKED, rotated: KeyRevocationReason.ROTATED } as const;
const refusals = {
  malformed: KeyRefusal.MALFORMED,
  unknown: KeyRefusal.UNKNOWN,
  revoked: KeyRefusal.REVOKED,
  expired: KeyRefusal.EXPIRED,
} as const;

/** A key as RPCs carry it. */
export function toKeyMessage(key: Key, nowMs: number) {
  const { keyId, tenantId, userId, name, prefix, permissions, models, createdBy } = key;
  return {
    ...{ keyId, tenantId, userId, name, prefix, permissions: [...permissions], models: [...models], createdBy },
    status: statuses[keyStatus(key, nowMs)],
    createdAt: timestampFromDate(key.createdAt),
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
    ...withTime("expiresAt", verdict.expiresAt),
  };
  return { case: "verified", value } as const;
}

/** What `key.created` says. */
export function toKeyCreated({ keyId, tenantId, userId, createdAt, createdBy }: Key, clientAddress: string) {
  return { keyId, tenantId, userId, createdAt: timestampFromDate(createdAt), createdBy, clientAddress };
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

/** A time on the wire: absent rather than null. */
function withTime<Name extends string>(name: Name, time: Date | null) {
  return (time ? { [name]: timestampFromDate(time) } : {}) as { readonly [_ in Name]?: Timestamp };
}
