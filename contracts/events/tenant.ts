import { defineEvent } from "@lyss/kit/events/event.ts";
import { TenantCreatedSchema, TenantUpdatedSchema } from "../gen/lyss/tenant/v1/tenant_pb.js";

export const tenantCreated = defineEvent("tenant.created", TenantCreatedSchema, (event) => event.tenantId);

/** Name, plan or status changed. */
export const tenantUpdated = defineEvent("tenant.updated", TenantUpdatedSchema, (event) => event.tenantId);
