import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  DataPolicyChangedSchema,
  TenantCreatedSchema,
  TenantDiscardedSchema,
  TenantDomainChangedSchema,
  TenantReactivatedSchema,
  TenantSuspendedSchema,
  TenantUpdatedSchema,
} from "../gen/lyss/tenant/v1/tenant_pb.js";
import { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";

export const tenantCreated = defineEvent("tenant.created", TenantCreatedSchema, (event) => event.tenantId);

/** A tenant that was being set up is gone; nobody ever used it. */
export const tenantDiscarded = defineEvent("tenant.discarded", TenantDiscardedSchema, (event) => event.tenantId);

/** Name, plan, status or settings changed. */
export const tenantUpdated = defineEvent("tenant.updated", TenantUpdatedSchema, (event) => event.tenantId);

/** None of the tenant's keys and sessions is accepted any more. `tenant.updated` is said with it. */
export const tenantSuspended = defineEvent("tenant.suspended", TenantSuspendedSchema, (event) => event.tenantId);

/** The tenant may work again. `tenant.updated` is said with it. */
export const tenantReactivated = defineEvent("tenant.reactivated", TenantReactivatedSchema, (event) => event.tenantId);

const defineDomainEvent = (act: string) =>
  defineEvent(`tenant.domain.${act}`, TenantDomainChangedSchema, (event) => event.tenantId);

export const tenantDomainAdded = defineDomainEvent("added");

/** The tenant has shown that the domain is its own. */
export const tenantDomainVerified = defineDomainEvent("verified");

export const tenantDomainRemoved = defineDomainEvent("removed");

export const dataPolicyChanged = defineEvent(
  "tenant.data_policy_changed",
  DataPolicyChangedSchema,
  (event) => event.tenantId,
);

export const tenantPersonExported = defineEvent(
  "tenant.person.exported",
  PersonExportedSchema,
  (event) => event.exportId,
);

/** Everything that tenant says. */
export const tenantEventTypes = [
  tenantCreated,
  tenantDiscarded,
  tenantUpdated,
  tenantSuspended,
  tenantReactivated,
  tenantDomainAdded,
  tenantDomainVerified,
  tenantDomainRemoved,
  dataPolicyChanged,
  tenantPersonExported,
] as const;
