import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireReach, type TenantReference } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import type { Tenant } from "../model.ts";

/** The tenant of that id. Throws `not_found`, also for one that the actor may not know of. */
export async function getTenant({ store }: Pick<TenantDeps, "store">, reference: TenantReference): Promise<Tenant> {
  requireReach(reference);
  return requireFound(await store.findTenant(reference.tenantId));
}

/** The tenant of that slug. Throws `not_found`. */
export async function getTenantBySlug(
  { store }: Pick<TenantDeps, "store">,
  { slug }: { readonly slug: string },
): Promise<Tenant> {
  return requireFound(await store.findTenantBySlug(slug));
}

function requireFound(tenant: Tenant | undefined): Tenant {
  if (!tenant) throw new Failure(tenantFailures.not_found);
  return tenant;
}
