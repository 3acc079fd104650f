import type { PageRequest } from "@lyss/kit/http/page.ts";
import type { TenantDeps } from "./deps.ts";
import { activateTenant } from "./ops/activate-tenant.ts";
import { type CreateTenantInput, createTenant } from "./ops/create-tenant.ts";
import { getTenant, getTenantBySlug } from "./ops/get-tenant.ts";
import { listTenants } from "./ops/list-tenants.ts";

/** Binds the operations on tenants to what they need. */
export function createTenantOps(deps: TenantDeps) {
  return {
    createTenant: (input: CreateTenantInput) => createTenant(deps, input),
    getTenant: (input: { tenantId: string }) => getTenant(deps, input),
    getTenantBySlug: (input: { slug: string }) => getTenantBySlug(deps, input),
    activateTenant: (input: { tenantId: string }) => activateTenant(deps, input),
    listTenants: (input: PageRequest) => listTenants(deps, input),
  };
}

export type TenantOps = ReturnType<typeof createTenantOps>;
