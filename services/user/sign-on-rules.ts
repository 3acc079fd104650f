import { ssoConnectionCreated, ssoConnectionDeleted, ssoConnectionUpdated } from "@lyss/contracts/events/sso.ts";
import type { ConnectionChanged, ConnectionDeleted } from "@lyss/contracts/gen/lyss/sso/v1/sso_pb.js";
import type { ReceivedEvent, Subscription } from "@lyss/kit/events/event.ts";
import type { SignOnRule } from "./federation-store.ts";
import type { UserOps } from "./ops.ts";

/** What tells whose people sign on from elsewhere. */
export const signOnRuleEvents = [ssoConnectionCreated, ssoConnectionUpdated, ssoConnectionDeleted];

/** Hears it. One subscription, so that it stays in order. */
export function followSignOnRules(ops: Pick<UserOps, "followSignOnRule">): Subscription {
  return {
    mode: "durable",
    name: "follow-sign-on-rules",
    events: signOnRuleEvents,
    handle: (tx, event) => ops.followSignOnRule(tx, toSignOnRule(event)),
  };
}

/** Whom a connection that is off, or gone, keeps from using a password: nobody. */
function toSignOnRule({ type, data }: ReceivedEvent): SignOnRule {
  if (type === ssoConnectionDeleted.type) {
    const { connectionId, tenantId, version } = data as ConnectionDeleted;
    return { connectionId, tenantId, domains: [], isEnforced: false, version: Number(version) };
  }
  const { connectionId, tenantId, domains, isEnabled, isEnforced, version } = data as ConnectionChanged;
  return { connectionId, tenantId, domains, isEnforced: isEnabled && isEnforced, version: Number(version) };
}
