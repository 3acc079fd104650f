import { tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { TenantDeps } from "../deps.ts";
import { toTenantMessage } from "../messages.ts";
import type { Tenant } from "../model.ts";

/** Ends provisioning. Throws `not_found` and `suspended`. A repeat is safe and says nothing new. */
export async function activateTenant(
  { db, store, outbox, clock }: TenantDeps,
  { tenantId }: { readonly tenantId: string },
): Promise<Tenant> {
  return db.transaction(async (tx) => {
    const current = await store.lockTenant(tx, tenantId);
    if (!current) throw new Failure(tenantFailures.not_found);
    if (current.status === "suspended") throw new Failure(tenantFailures.suspended);
    if (current.status === "active") return current;
    const tenant: Tenant = { ...current, status: "active", updatedAt: new Date(clock.nowMs()) };
    await store.updateStatus(tx, tenant.tenantId, tenant.status, tenant.updatedAt);
    await outbox.append(tx, tenantUpdated, toTenantMessage(tenant));
    return tenant;
  });
}
