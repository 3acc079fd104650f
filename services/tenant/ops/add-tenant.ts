import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { TenantDeps } from "../deps.ts";
import type { Actor, Tenant } from "../model.ts";
import { createTenant } from "./create-tenant.ts";

/** Creates a tenant that may work at once, on an operator's behalf. Throws `slug_taken`, so a repeat creates no other. */
export async function addTenant(
  deps: TenantDeps,
  input: { readonly name: string; readonly slug: string; readonly plan: string; readonly actor: Actor },
): Promise<Tenant> {
  const { tenant, isNew } = await createTenant(deps, { ...input, status: "active" });
  if (!isNew) throw new Failure(tenantFailures.slug_taken);
  return tenant;
}
