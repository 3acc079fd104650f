import { userCreated, userDeleted } from "@lyss/contracts/events/user.ts";
import { type Projection, projectionSubscription } from "@lyss/kit/event-sourcing/projection.ts";
import { onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { GroupOps } from "./ops.ts";

/** What group hears: whom there is, and its own events, for the projection. */
export function createGroupSubscriptions(ops: GroupOps, membership: Projection): readonly Subscription[] {
  return [
    onEvent("remember-person", userCreated, (tx, { data }) => ops.rememberPerson(tx, data)),
    onEvent("join-groups", userCreated, (tx, { data }) => ops.joinGroups(tx, data)),
    onEvent("leave-groups", userDeleted, (tx, { data }) => ops.leaveGroups(tx, data)),
    projectionSubscription(membership),
  ];
}
