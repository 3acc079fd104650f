import { tenantCreated } from "@lyss/contracts/events/tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { toTenantEvent } from "../messages.ts";
import { type Actor, defaultSettings, platformActor, type Tenant, type TenantId, type TenantStatus } from "../model.ts";
import { getTenantBySlug } from "./get-tenant.ts";

export interface CreateTenantInput {
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
  /** `provisioning` unless given: whoever creates it has more to set up, and activates it then. */
  readonly status?: Extract<TenantStatus, "provisioning" | "active">;
  /** The platform itself unless given. */
  readonly actor?: Actor;
}

/**
 * Creates a tenant, or returns the one that has the slug, as it is. A repeat is safe, also at the same time on another node.
 */
export async function createTenant(
  deps: TenantDeps,
  input: CreateTenantInput,
): Promise<{ readonly tenant: Tenant; readonly isNew: boolean }> {
  const { db, store, outbox, clock, random } = deps;
  const { name, slug, plan, status = "provisioning", actor = platformActor() } = input;
  const createdAt = new Date(clock.nowMs());
  const tenantId = random.id("ten") as TenantId;
  const times = { createdAt, updatedAt: createdAt };
  const named = { tenantId, name, slug, plan, status };
  const tenant: Tenant = { ...named, settings: defaultSettings, version: 1, suspendedReason: "", ...times };
  const isNew = await db.transaction(async (tx) => {
    const isInserted = await store.insertTenant(tx, tenant);
    if (isInserted) await outbox.append(tx, tenantCreated, toTenantEvent(tenant, actor));
    return isInserted;
  });
  return isNew ? { tenant, isNew } : { tenant: await getTenantBySlug(deps, { slug }), isNew };
}
