import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { groupPersonExported } from "@lyss/contracts/events/group.ts";
import { userCreated, userDeleted } from "@lyss/contracts/events/user.ts";
import { projectionSubscription } from "@lyss/kit/event-sourcing/projection.ts";
import { onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { GroupDeps } from "./deps.ts";
import type { GroupOps } from "./ops.ts";

/** What group hears: whom there is, and its own events, for the projection. */
export function createGroupSubscriptions(
  ops: GroupOps,
  { membership, ...parts }: Pick<GroupDeps, "membership" | "outbox" | "random">,
): readonly Subscription[] {
  return [
    onEvent("remember-person", userCreated, (tx, { data }) => ops.rememberPerson(tx, data)),
    onEvent("join-groups", userCreated, (tx, { data }) => ops.joinGroups(tx, data)),
    onEvent("leave-groups", userDeleted, (tx, { data }) => ops.leaveGroups(tx, data)),
    answerExport({ ...parts, service: "group", event: groupPersonExported, collect: ops.exportPerson }),
    projectionSubscription(membership),
  ];
}
