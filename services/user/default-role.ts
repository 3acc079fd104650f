import type { UserDeps } from "./deps.ts";
import type { Role } from "./model.ts";

/** What people of a tenant become who come in without anybody having said so: as its settings say. Throws what the tenant service does. */
export async function findDefaultRole(
  { tenants }: Pick<UserDeps, "tenants">,
  tenantId: string,
): Promise<Extract<Role, "member" | "viewer">> {
  const { tenant } = await tenants.getTenant({ tenantId });
  // A role that this program does not know allows the least.
  const { defaultRole = "" } = tenant?.settings ?? {};
  return defaultRole === "member" || defaultRole === "" ? "member" : "viewer";
}
