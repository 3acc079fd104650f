import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { tenantDiscarded } from "@lyss/contracts/events/tenant.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { TenantDeps } from "../deps.ts";

/**
 * Removes a tenant that is still provisioning. Throws `already_set_up` for any other; one that is not there is removed
 * already. A repeat is safe.
 */
export async function discardTenant(
  { db, store, outbox, clock }: Pick<TenantDeps, "db" | "store" | "outbox" | "clock">,
  { slug }: { readonly slug: string },
): Promise<void> {
  const found = await store.findTenantBySlug(slug);
  if (!found) return;
  const { tenantId } = found;
  await db.transaction(async (tx) => {
    const tenant = await store.lockTenant(tx, tenantId);
    if (!tenant) return;
    if (tenant.status !== "provisioning") throw new Failure(tenantFailures.already_set_up);
    await store.deleteTenant(tx, tenantId);
    await outbox.append(tx, tenantDiscarded, { tenantId, discardedAt: timestampFromDate(new Date(clock.nowMs())) });
  });
}
