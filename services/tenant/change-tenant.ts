import { tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { TenantDeps } from "./deps.ts";
import { toTenantEvent } from "./messages.ts";
import { type Actor, isOperator, type Tenant } from "./model.ts";

/** Names a tenant within what the actor may know of. */
export interface TenantReference {
  readonly tenantId: string;
  readonly actor: Actor;
}

/** The same, to change it. */
export interface TenantChange extends TenantReference {
  /** Undefined when any version will do. */
  readonly expectedVersion?: number | undefined;
}

/** Throws `not_found` for another tenant than the actor's own, unless the actor operates the installation. */
export function requireReach({ tenantId, actor }: TenantReference): void {
  if (tenantId !== actor.tenantId && !isOperator(actor)) throw new Failure(tenantFailures.not_found);
}

/** Throws `operators_only`. */
export function requireOperator(actor: Actor, field: string): void {
  if (!isOperator(actor)) throw new Failure(tenantFailures.operators_only, { field });
}

/** Throws `version_mismatch`. */
export function requireVersion(current: number, expected: number | undefined): void {
  if (expected !== undefined && expected !== current) {
    throw new Failure(tenantFailures.version_mismatch, { current, expected });
  }
}

/** The tenant as it is, locked until the transaction ends. Throws `not_found`. */
export async function lockTenant(
  { store }: Pick<TenantDeps, "store">,
  tx: Tx,
  reference: TenantReference,
): Promise<Tenant> {
  requireReach(reference);
  const current = await store.lockTenant(tx, reference.tenantId);
  if (!current) throw new Failure(tenantFailures.not_found);
  return current;
}

/**
 * Changes a tenant to what `decide` gives, and says so; what is so already changes nothing. `alsoSay` says more, in the same
 * transaction. Throws `not_found`, `version_mismatch`, and what `decide` throws.
 */
export async function changeTenant(
  { db, store, outbox, clock }: Pick<TenantDeps, "db" | "store" | "outbox" | "clock">,
  change: TenantChange,
  decide: (current: Tenant) => Tenant,
  alsoSay?: (tx: Tx, tenant: Tenant) => Promise<void>,
): Promise<Tenant> {
  return db.transaction(async (tx) => {
    const current = await lockTenant({ store }, tx, change);
    requireVersion(current.version, change.expectedVersion);
    const decided = decide(current);
    if (decided === current) return current;
    const tenant: Tenant = { ...decided, version: current.version + 1, updatedAt: new Date(clock.nowMs()) };
    await store.updateTenant(tx, tenant);
    await outbox.append(tx, tenantUpdated, toTenantEvent(tenant, change.actor));
    await alsoSay?.(tx, tenant);
    return tenant;
  });
}
