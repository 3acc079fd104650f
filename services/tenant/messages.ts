import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { TenantStatus } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import type { Tenant } from "./model.ts";

const statuses = {
  provisioning: TenantStatus.PROVISIONING,
  active: TenantStatus.ACTIVE,
  suspended: TenantStatus.SUSPENDED,
} as const;

/** A tenant as RPCs and events carry it. */
export function toTenantMessage({ tenantId, name, slug, plan, status, createdAt, updatedAt }: Tenant) {
  return {
    ...{ tenantId, name, slug, plan, status: statuses[status] },
    createdAt: timestampFromDate(createdAt),
    updatedAt: timestampFromDate(updatedAt),
  };
}
