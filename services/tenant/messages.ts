import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { TenantStatus } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import type { Actor, DataPolicy, Tenant, TenantDomain } from "./model.ts";

const statuses = {
  provisioning: TenantStatus.PROVISIONING,
  active: TenantStatus.ACTIVE,
  suspended: TenantStatus.SUSPENDED,
} as const;

/** A tenant as RPCs carry it. */
export function toTenantMessage(tenant: Tenant) {
  const { tenantId, name, slug, plan, status, settings, version, suspendedReason, createdAt, updatedAt } = tenant;
  return {
    ...{ tenantId, name, slug, plan, status: statuses[status], suspendedReason, version: BigInt(version) },
    settings: { ...settings, signInMethods: [...settings.signInMethods] },
    createdAt: timestampFromDate(createdAt),
    updatedAt: timestampFromDate(updatedAt),
  };
}

/** Who did something, as events carry it. */
export function toActorFields({ userId, clientAddress }: Actor) {
  return { actorId: userId, clientAddress };
}

/** A tenant as `tenant.created` and `tenant.updated` carry it. */
export function toTenantEvent(tenant: Tenant, actor: Actor) {
  const { suspendedReason: _, ...message } = toTenantMessage(tenant);
  return { ...message, ...toActorFields(actor) };
}

/** What was done to a domain, as events carry it. */
export function toDomainEvent(
  { tenantId, domain, actor }: { readonly tenantId: string; readonly domain: string; readonly actor: Actor },
  changedAt: Date,
) {
  return { tenantId, domain, ...toActorFields(actor), changedAt: timestampFromDate(changedAt) };
}

export function toDomainMessage({ tenantId, domain, verifiedAt }: TenantDomain) {
  return {
    ...{ tenantId, domain, isVerified: verifiedAt !== null },
    ...(verifiedAt && { verifiedAt: timestampFromDate(verifiedAt) }),
  };
}

export function toPolicyMessage(policy: DataPolicy) {
  const { tenantId, version, retentionDays, storeBodies, redact, changedBy, changedAt } = policy;
  return {
    ...{ tenantId, version: BigInt(version), retentionDays, storeBodies, redact: [...redact], changedBy },
    ...(changedAt && { changedAt: timestampFromDate(changedAt) }),
  };
}
