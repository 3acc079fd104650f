import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { TenantDeps } from "../deps.ts";
import type { Tenant } from "../model.ts";

/** Every tenant, newest first. */
export async function listTenants(
  { store }: Pick<TenantDeps, "store">,
  { limit, cursor }: PageRequest,
): Promise<Page<Tenant>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await store.listTenants(afterId, limit + 1);
  return toPage(rows, limit, ({ tenantId }) => [tenantId]);
}
