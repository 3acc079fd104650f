import { userDeleted } from "@lyss/contracts/events/user.ts";
import { onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { SsoOps } from "./ops.ts";

/** What sso hears: who is gone. */
export function createSsoSubscriptions(ops: Pick<SsoOps, "forgetPerson">): readonly Subscription[] {
  return [onEvent("forget-person", userDeleted, (tx, { data }) => ops.forgetPerson(tx, data.userId))];
}
