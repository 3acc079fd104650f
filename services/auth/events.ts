import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { authPersonExported } from "@lyss/contracts/events/auth.ts";
import { tenantCreated, tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { userCreated, userDeleted, userFactorsReset, userUpdated } from "@lyss/contracts/events/user.ts";
import { type TenantCreated, TenantStatus, type TenantUpdated } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import {
  type UserCreated,
  type UserDeleted,
  UserStatus,
  type UserUpdated,
} from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { onEvent, type ReceivedEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { AuthDeps } from "./deps.ts";
import type { AuthOps } from "./ops.ts";
import type { Principal } from "./session-model.ts";

/** What auth hears of people and tenants, should the call that told it have been lost. */
export function createAuthSubscriptions(
  ops: Pick<AuthOps, "setPrincipalIn" | "erasePerson" | "exportPerson" | "resetFactors">,
  parts: Pick<AuthDeps, "outbox" | "random">,
): readonly Subscription[] {
  return [
    {
      mode: "durable",
      name: "follow-principals",
      events: [userCreated, userUpdated, userDeleted, tenantCreated, tenantUpdated],
      async handle(tx, event) {
        await ops.setPrincipalIn(tx, toPrincipal(event));
      },
    },
    onEvent("erase-person", userDeleted, (tx, { data }) => ops.erasePerson(tx, data)),
    onEvent("reset-factors", userFactorsReset, (tx, { data }) => ops.resetFactors(tx, data)),
    answerExport({ ...parts, service: "auth", event: authPersonExported, collect: ops.exportPerson }),
  ];
}

/** A person who was never changed. */
const firstVersion = 1n;

function toPrincipal({ type, data }: ReceivedEvent): Principal {
  if (type === userCreated.type) {
    const { tenantId, userId, role } = data as UserCreated;
    return { tenantId, userId, role, isBarred: false, version: firstVersion };
  }
  if (type === userUpdated.type) {
    const { tenantId, userId, role, status, version } = data as UserUpdated;
    return { tenantId, userId, role, isBarred: status !== UserStatus.ACTIVE, version };
  }
  if (type === userDeleted.type) {
    const { tenantId, userId, version } = data as UserDeleted;
    return { tenantId, userId, role: "", isBarred: true, version };
  }
  const { tenantId, status, version } = data as TenantCreated | TenantUpdated;
  return { tenantId, userId: "", role: "", isBarred: status === TenantStatus.SUSPENDED, version };
}
