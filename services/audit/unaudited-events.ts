const toldElsewhere = "another event says the same, with who did it";
const byItself = "nobody did it: the platform comes to it by itself";
const refresh = "says that something is to be looked up anew, not what was done";
const byUse = "comes of calls, which usage keeps";

/** Events that are no entries of an audit log, each with the reason. Every event is here or in `auditRules`. */
export const unauditedEvents: Readonly<Record<string, string>> = {
  "audit.anchored": "tells of the log itself, hourly",
  "audit.person.erased": `${byItself}, after user.deleted`,
  "auth.person.erased": `${byItself}, after user.deleted`,
  "ai-gateway.person.erased": `${byItself}, after user.deleted`,
  "sso.person.erased": `${byItself}, after user.deleted`,
  "user.factors.reset": `${toldElsewhere}: user.audit.factors_reset`,
  "user.export.requested": `${toldElsewhere}: user.audit.export_requested`,
  ...Object.fromEntries(
    ["ai-gateway", "audit", "auth", "billing", "group", "sso", "tenant", "user"].map((service) => [
      `${service}.person.exported`,
      `${byItself}, after user.export.requested`,
    ]),
  ),
  "group.person.erased": `${byItself}, after user.deleted`,
  "user.created": `${toldElsewhere}: user.audit.created`,
  "user.updated": `${toldElsewhere}: user.audit.updated, .status_changed, .role_changed`,
  "user.deleted": `${toldElsewhere}: user.audit.deleted`,
  "user.audit.signed_in": `${toldElsewhere}: session.started`,
  "user.audit.key_updated": `${toldElsewhere}: key.updated`,
  "user.audit.key_leaked": `${toldElsewhere}: key.revoked`,
  "access.changed": refresh,
  "user.audit.federated": `${toldElsewhere}: user.federated`,
  "user.audit.impersonated": `${toldElsewhere}: impersonation.started`,
  "user.audit.factor_added": `${toldElsewhere}: factor.added`,
  "user.audit.factor_removed": `${toldElsewhere}: factor.removed`,
  "user.audit.codes_locked": `${toldElsewhere}: factor.locked`,
  "user.audit.recovery_codes_created": `${toldElsewhere}: recovery_codes.created`,
  "user.audit.recovery_code_used": `${toldElsewhere}: recovery_code.used`,
  "tenant.discarded": `${byItself}, when a registration is undone`,
  "user.audit.key_created": `${toldElsewhere}: key.created`,
  "user.audit.key_rotated": `${toldElsewhere}: key.revoked`,
  "user.audit.key_revoked": `${toldElsewhere}: key.revoked`,
  "resilience.breaker.changed": `${byItself}; a person's order is resilience.ordered`,
  "provider.account.changed": byItself,
  "degradation.level.changed": `${byItself}; a person's order is resilience.ordered`,
  "billing.balance.low": byUse,
  "billing.usage.recorded": byUse,
  "billing.quota.exceeded": byUse,
  "billing.budget.threshold_reached": byUse,
  "billing.overdraft.entered": byUse,
  "billing.overdraft.repaid": byUse,
  "billing.budgets.changed": refresh,
  "billing.money.recalled": refresh,
  "billing.invoice.issued": byItself,
  "billing.grant.expired": byItself,
  "billing.reconciliation.drift": byItself,
};
