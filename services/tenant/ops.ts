import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { PageRequest } from "@lyss/kit/http/page.ts";
import type { TenantReference } from "./change-tenant.ts";
import type { TenantDeps } from "./deps.ts";
import { activateTenant } from "./ops/activate-tenant.ts";
import { addDomain, type DomainInput } from "./ops/add-domain.ts";
import { addTenant } from "./ops/add-tenant.ts";
import { countTenants } from "./ops/count-tenants.ts";
import { type CreateTenantInput, createTenant } from "./ops/create-tenant.ts";
import { discardTenant } from "./ops/discard-tenant.ts";
import { exportPerson } from "./ops/export-person.ts";
import { getDataPolicy, listDataPolicies } from "./ops/get-data-policy.ts";
import { getTenant, getTenantBySlug } from "./ops/get-tenant.ts";
import { findDomain, listDomains } from "./ops/list-domains.ts";
import { type ListTenantsInput, listTenants } from "./ops/list-tenants.ts";
import { removeDomain } from "./ops/remove-domain.ts";
import { type SetDataPolicyInput, setDataPolicy } from "./ops/set-data-policy.ts";
import { reactivateTenant, type SuspendTenantInput, suspendTenant } from "./ops/suspend-tenant.ts";
import { type UpdateTenantInput, updateTenant } from "./ops/update-tenant.ts";
import { verifyDomain } from "./ops/verify-domain.ts";

/** Binds the operations on tenants to what they need. */
export function createTenantOps(deps: TenantDeps) {
  return {
    createTenant: (input: CreateTenantInput) => createTenant(deps, input),
    addTenant: (input: Parameters<typeof addTenant>[1]) => addTenant(deps, input),
    getTenant: (input: TenantReference) => getTenant(deps, input),
    getTenantBySlug: (input: { slug: string }) => getTenantBySlug(deps, input),
    activateTenant: (input: { tenantId: string }) => activateTenant(deps, input),
    discardTenant: (input: { slug: string }) => discardTenant(deps, input),
    listTenants: (input: ListTenantsInput) => listTenants(deps, input),
    countTenants: () => countTenants(deps),
    updateTenant: (input: UpdateTenantInput) => updateTenant(deps, input),
    suspendTenant: (input: SuspendTenantInput) => suspendTenant(deps, input),
    reactivateTenant: (input: Parameters<typeof reactivateTenant>[1]) => reactivateTenant(deps, input),
    addDomain: (input: DomainInput) => addDomain(deps, input),
    verifyDomain: (input: DomainInput) => verifyDomain(deps, input),
    removeDomain: (input: DomainInput) => removeDomain(deps, input),
    listDomains: (input: TenantReference) => listDomains(deps, input),
    findDomain: (input: { domain: string }) => findDomain(deps, input),
    getDataPolicy: (input: TenantReference) => getDataPolicy(deps, input),
    setDataPolicy: (input: SetDataPolicyInput) => setDataPolicy(deps, input),
    listDataPolicies: (input: TenantReference & PageRequest) => listDataPolicies(deps, input),
    exportPerson: (tx: Tx, person: ExportedPerson) => exportPerson(deps, tx, person),
  };
}

export type TenantOps = ReturnType<typeof createTenantOps>;
