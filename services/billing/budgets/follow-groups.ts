import { groupMemberAdded, groupMemberRemoved } from "@lyss/contracts/events/group.ts";
import type { GroupMemberAdded, GroupMemberRemoved } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import type { DurableSubscription } from "@lyss/kit/events/event.ts";
import type { Budgets } from "./budgets.ts";

/** Keeps in mind who is in which group, of which the budgets apply to them. */
export function followGroups(budgets: Budgets): DurableSubscription {
  return {
    mode: "durable",
    name: "follow-group-members",
    events: [groupMemberAdded, groupMemberRemoved],
    async handle(tx, { type, data }) {
      const { tenantId, userId, groupId } = data as GroupMemberAdded | GroupMemberRemoved;
      const membership = { tenantId, userId, groupId };
      if (type === groupMemberAdded.type) await budgets.store.insertMember(tx, membership);
      else await budgets.store.deleteMember(tx, membership);
      const ofGroup = await budgets.store.listOfScope(tx, { tenantId, scopeKind: "group", scopeId: groupId });
      if (ofGroup.length > 0) await budgets.sayChanged(tx, tenantId);
    },
  };
}
