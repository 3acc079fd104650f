import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { TenantDeps } from "../deps.ts";
import type { Tenant, TenantStatus } from "../model.ts";

export interface ListTenantsInput extends PageRequest {
  /** Part of a name or slug, in whatever case. */
  readonly query?: string | undefined;
  readonly status?: TenantStatus | undefined;
  readonly plan?: string | undefined;
}

/** Tenants, newest first. */
export async function listTenants(
  { store }: Pick<TenantDeps, "store">,
  { limit, cursor, query, status, plan }: ListTenantsInput,
): Promise<Page<Tenant>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await store.listTenants({ query, status, plan, afterId, limit: limit + 1 });
  return toPage(rows, limit, ({ tenantId }) => [tenantId]);
}
