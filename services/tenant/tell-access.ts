import type { TenantDeps } from "./deps.ts";
import type { Tenant } from "./model.ts";

/**
 * Tells auth at once whether a tenant may work: it holds on every node as soon as this resolves. Where auth is away, it hears of
 * it by the event that was written with the change. Never rejects.
 */
export async function tellAccess(
  { auth, log }: Pick<TenantDeps, "auth" | "log">,
  { tenantId, status, version }: Pick<Tenant, "tenantId" | "status" | "version">,
): Promise<void> {
  const isBarred = status === "suspended";
  try {
    await auth.setPrincipal({ tenantId, userId: "", role: "", isBarred, version: BigInt(version) });
  } catch (err) {
    log.warn({ err, tenant_id: tenantId }, "auth was not told of a change at once; it hears of it by the event");
  }
}
