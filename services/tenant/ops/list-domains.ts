import type { TenantReference } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import type { TenantDomain } from "../model.ts";
import { getTenant } from "./get-tenant.ts";

/** What domains a tenant says are its own, in the order of their names; at most 100. Throws `not_found`. */
export async function listDomains(
  deps: Pick<TenantDeps, "db" | "store" | "domains">,
  reference: TenantReference,
): Promise<readonly TenantDomain[]> {
  const { tenantId } = await getTenant(deps, reference);
  return deps.domains.listDomains(deps.db.sql, tenantId);
}

/** Whose a domain is; undefined for one that nobody has verified. */
export function findDomain(
  { db, domains }: Pick<TenantDeps, "db" | "domains">,
  { domain }: { readonly domain: string },
): Promise<TenantDomain | undefined> {
  return domains.findVerified(db.sql, domain);
}
