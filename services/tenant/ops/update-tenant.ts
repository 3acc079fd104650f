import { changeTenant, requireOperator, type TenantChange } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import type { Tenant, TenantSettings } from "../model.ts";

export interface UpdateTenantInput extends TenantChange {
  /** As `tenantFields` give them; undefined for what stays. */
  readonly name?: string | undefined;
  readonly plan?: string | undefined;
  readonly settings?: { readonly [Name in keyof TenantSettings]?: TenantSettings[Name] | undefined } | undefined;
}

/**
 * Changes name, plan or settings; the plan is for operators. Throws `operators_only` and what `changeTenant` throws. What is so
 * already changes nothing, so a repeat is safe.
 */
export async function updateTenant(deps: TenantDeps, input: UpdateTenantInput): Promise<Tenant> {
  return changeTenant(deps, input, (current) => {
    const { name = current.name, plan = current.plan } = input;
    if (plan !== current.plan) requireOperator(input.actor, "plan");
    const settings = mergeSettings(current.settings, input.settings);
    const isSame = name === current.name && plan === current.plan && settings === current.settings;
    return isSame ? current : { ...current, name, plan, settings };
  });
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
