import { ssoConnectionCreated, ssoConnectionDeleted, ssoConnectionUpdated } from "@lyss/contracts/events/sso.ts";
import { tenantCreated, tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import type { ConnectionChanged } from "@lyss/contracts/gen/lyss/sso/v1/sso_pb.js";
import type { TenantUpdated } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import type { ReceivedEvent, Subscription } from "@lyss/kit/events/event.ts";
import type { AuthOps } from "../ops.ts";
import type { RoleUse } from "./role-model.ts";

/** What says which roles settings give. */
const roleUseEvents = [
  ...[tenantCreated, tenantUpdated],
  ...[ssoConnectionCreated, ssoConnectionUpdated, ssoConnectionDeleted],
];

/** What auth hears of settings that give roles. */
export function followRoleUses(ops: Pick<AuthOps, "followRoleUse">): Subscription {
  return {
    mode: "durable",
    name: "follow-role-uses",
    events: roleUseEvents,
    handle: (tx, event) => ops.followRoleUse(tx, toUse(event)),
  };
}

function toUse({ type, data }: ReceivedEvent): RoleUse {
  if (type === tenantCreated.type || type === tenantUpdated.type) {
    const { tenantId, settings, version } = data as TenantUpdated;
    const role = settings?.defaultRole ?? "";
    return { tenantId, usedBy: "tenant", roles: role === "" ? [] : [role], version };
  }
  // One that is removed gives nothing.
  const { tenantId, connectionId: usedBy, roles = [], version } = data as ConnectionChanged;
  return { tenantId, usedBy, roles, version };
}
