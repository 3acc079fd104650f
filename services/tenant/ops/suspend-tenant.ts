import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { tenantReactivated, tenantSuspended } from "@lyss/contracts/events/tenant.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { changeTenant, requireReach, type TenantChange } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { toActorFields } from "../messages.ts";
import type { Tenant } from "../model.ts";
import { tellAccess } from "../tell-access.ts";

export interface SuspendTenantInput extends TenantChange {
  /** For people: 1 to 500 characters. */
  readonly reason: string;
}

/**
 * Shuts a tenant out; nothing of it is deleted. Throws `own_tenant` for the actor's own, `not_active` for one that is still set up,
 * and what `changeTenant` throws. A repeat is safe: it changes the reason, if that is another, and tells auth anew.
 */
export async function suspendTenant(deps: TenantDeps, input: SuspendTenantInput): Promise<Tenant> {
  const { tenantId, reason, actor } = input;
  requireReach(input);
  if (tenantId === actor.tenantId) throw new Failure(tenantFailures.own_tenant);
  const decide = (current: Tenant): Tenant => {
    if (current.status === "provisioning") throw new Failure(tenantFailures.not_active);
    const isSo = current.status === "suspended" && current.suspendedReason === reason;
    return isSo ? current : { ...current, status: "suspended", suspendedReason: reason };
  };
  const tenant = await changeTenant(deps, input, decide, (tx, { version, updatedAt }) =>
    deps.outbox.append(tx, tenantSuspended, {
      ...{ tenantId, reason, version: BigInt(version), ...toActorFields(actor) },
      suspendedAt: timestampFromDate(updatedAt),
    }),
  );
  await tellAccess(deps, tenant);
  return tenant;
}

/**
 * Lets a suspended tenant work again. Throws `not_active` for one that is still set up, and what `changeTenant` throws. A repeat
 * is safe.
 */
export async function reactivateTenant(deps: TenantDeps, input: TenantChange): Promise<Tenant> {
  const { tenantId, actor } = input;
  const decide = (current: Tenant): Tenant => {
    if (current.status === "provisioning") throw new Failure(tenantFailures.not_active);
    return current.status === "active" ? current : { ...current, status: "active", suspendedReason: "" };
  };
  const tenant = await changeTenant(deps, input, decide, (tx, { version, updatedAt }) =>
    deps.outbox.append(tx, tenantReactivated, {
      ...{ tenantId, version: BigInt(version), ...toActorFields(actor) },
      reactivatedAt: timestampFromDate(updatedAt),
    }),
  );
  await tellAccess(deps, tenant);
  return tenant;
}
