import { searchWithin } from "@lyss/kit/db/search-within.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { TenantDeps } from "../deps.ts";
import type { Tenant, TenantStatus } from "../model.ts";

export interface ListTenantsInput extends PageRequest {
  /** Part of a name or slug, in whatever case. */
  readonly query?: string | undefined;
  readonly status?: TenantStatus | undefined;
  readonly plan?: string | undefined;
}

/** Tenants, newest first. Throws `kit.search_too_broad`. */
export async function listTenants(
  { db, store, searchTimeoutMs }: Pick<TenantDeps, "db" | "store" | "searchTimeoutMs">,
  { limit, cursor, query, status, plan }: ListTenantsInput,
): Promise<Page<Tenant>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const wanted = { query, status, plan, afterId, limit: limit + 1 };
  const rows = await searchWithin(db, searchTimeoutMs, (tx) => store.listTenants(tx, wanted));
  return toPage(rows, limit, ({ tenantId }) => [tenantId]);
}
