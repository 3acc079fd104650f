import { requireGivableRoles } from "@lyss/contracts/access/tenant-roles.ts";
import { changeTenant, requireOperator, requireReach, type TenantChange } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import type { Tenant, TenantSettings } from "../model.ts";

export interface UpdateTenantInput extends TenantChange {
  /** As `tenantFields` give them; undefined for what stays. */
  readonly name?: string | undefined;
  readonly plan?: string | undefined;
  readonly settings?: { readonly [Name in keyof TenantSettings]?: TenantSettings[Name] | undefined } | undefined;
}

/**
 * Changes name, plan or settings; the plan is for operators. What people become who come in is a role of the tenant, and no more than the
 * actor holds. Throws `operators_only`, `auth.role_unknown`, `auth.role_above_own` and what `changeTenant` throws. What is so already
 * changes nothing, so a repeat is safe.
 */
export async function updateTenant(deps: TenantDeps, input: UpdateTenantInput): Promise<Tenant> {
  await requireDefaultRole(deps, input);
  return changeTenant(deps, input, (current) => {
    const { name = current.name, plan = current.plan } = input;
    if (plan !== current.plan) requireOperator(input.actor, "plan");
    const settings = mergeSettings(current.settings, input.settings);
    const isSame = name === current.name && plan === current.plan && settings === current.settings;
    return isSame ? current : { ...current, name, plan, settings };
  });
}

/** Before the transaction: auth is asked. */
async function requireDefaultRole(deps: TenantDeps, input: UpdateTenantInput): Promise<void> {
  const { tenantId, actor, settings: { defaultRole: role } = {} } = input;
  if (role === undefined) return;
  requireReach(input);
  const known = await deps.store.findTenant(tenantId);
  if (known?.settings.defaultRole === role) return;
  await requireGivableRoles(deps, { tenantId, roles: [role], held: actor.permissions });
}

/** The same object when nothing differs. */
function mergeSettings(current: TenantSettings, given: UpdateTenantInput["settings"]): TenantSettings {
  const {
    requireMfa = current.requireMfa,
    signInMethods = current.signInMethods,
    sessionIdleMinutes = current.sessionIdleMinutes,
    sessionLifetimeHours = current.sessionLifetimeHours,
    silentImpersonation = current.silentImpersonation,
    defaultRole = current.defaultRole,
  } = given ?? {};
  const times = { sessionIdleMinutes, sessionLifetimeHours };
  const merged: TenantSettings = { requireMfa, signInMethods, ...times, silentImpersonation, defaultRole };
  const isSame =
    requireMfa === current.requireMfa &&
    signInMethods.join() === current.signInMethods.join() &&
    sessionIdleMinutes === current.sessionIdleMinutes &&
    sessionLifetimeHours === current.sessionLifetimeHours &&
    silentImpersonation === current.silentImpersonation &&
    defaultRole === current.defaultRole;
  return isSame ? current : merged;
}
