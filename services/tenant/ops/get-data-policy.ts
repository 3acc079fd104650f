import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { TenantReference } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { type DataPolicy, defaultPolicy } from "../model.ts";
import { getTenant } from "./get-tenant.ts";

/** What holds now: the latest version, or the policy of a tenant that has not set one. Throws `not_found`. */
export async function getDataPolicy(
  deps: Pick<TenantDeps, "db" | "store">,
  reference: TenantReference,
): Promise<DataPolicy> {
  const { tenantId } = await getTenant(deps, reference);
  const [latest] = await deps.store.listPolicies(deps.db.sql, tenantId, undefined, 1);
  return latest ?? defaultPolicy(tenantId);
}

/** Every version that was set, newest first. Throws `not_found`. */
export async function listDataPolicies(
  deps: Pick<TenantDeps, "db" | "store">,
  { limit, cursor, ...reference }: TenantReference & PageRequest,
): Promise<Page<DataPolicy>> {
  const [before] = decodeCursor(cursor, 1) ?? [];
  const { tenantId } = await getTenant(deps, reference);
  const rows = await deps.store.listPolicies(deps.db.sql, tenantId, Number(before) || undefined, limit + 1);
  return toPage(rows, limit, ({ version }) => [String(version)]);
}
