import type { TenantDeps } from "../deps.ts";
import type { TenantStatus } from "../model.ts";

/** How many tenants there are, by status. */
export async function countTenants({
  store,
}: Pick<TenantDeps, "store">): Promise<Readonly<Record<TenantStatus, number>>> {
  const counts = new Map((await store.countTenants()).map(({ status, count }) => [status, count]));
  const countOf = (status: TenantStatus) => counts.get(status) ?? 0;
  return { provisioning: countOf("provisioning"), active: countOf("active"), suspended: countOf("suspended") };
}
