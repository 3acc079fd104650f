import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { changeTenant } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { platformActor, type Tenant } from "../model.ts";

/** Ends provisioning. Throws `not_found` and `suspended`. A repeat is safe and says nothing new. */
export async function activateTenant(deps: TenantDeps, { tenantId }: { readonly tenantId: string }): Promise<Tenant> {
  return changeTenant(deps, { tenantId, actor: platformActor() }, (current) => {
    if (current.status === "suspended") throw new Failure(tenantFailures.suspended);
    return current.status === "active" ? current : { ...current, status: "active" };
  });
}
