import { tenantCreated } from "@lyss/contracts/events/tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { toTenantMessage } from "../messages.ts";
import type { Tenant, TenantId } from "../model.ts";
import { getTenantBySlug } from "./get-tenant.ts";

export interface CreateTenantInput {
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
}

/**
 * Creates a tenant that still has to be provisioned, or returns the one that has the slug, as it is. A repeat is safe,
 * also at the same time on another node.
 */
export async function createTenant(
  deps: TenantDeps,
  input: CreateTenantInput,
): Promise<{ readonly tenant: Tenant; readonly isNew: boolean }> {
  const { db, store, outbox, clock, random } = deps;
  const { name, slug, plan } = input;
  const createdAt = new Date(clock.nowMs());
  const tenantId = random.id("ten") as TenantId;
  const tenant: Tenant = { tenantId, name, slug, plan, status: "provisioning", createdAt, updatedAt: createdAt };
  const isNew = await db.transaction(async (tx) => {
    const isInserted = await store.insertTenant(tx, tenant);
    if (isInserted) await outbox.append(tx, tenantCreated, toTenantMessage(tenant));
    return isInserted;
  });
  return isNew ? { tenant, isNew } : { tenant: await getTenantBySlug(deps, { slug }), isNew };
}
