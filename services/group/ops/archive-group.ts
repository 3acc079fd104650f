import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupArchived } from "@lyss/contracts/events/group.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { changeGroup, type GroupChange } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { type Group, toGroup } from "../model.ts";

/** Ends a group and frees its name. Throws `has_children` and what `changeGroup` throws. A repeat is safe. */
export async function archiveGroup(deps: GroupDeps, input: GroupChange): Promise<Group> {
  const { groupId, tenantId, actor } = input;
  const archivedAt = timestampFromDate(new Date(deps.clock.nowMs()));
  const changed = await changeGroup(
    deps,
    input,
    "group:delete",
    ({ status }) => {
      if (status === "archived") return [];
      return [newEvent(groupArchived, { groupId, tenantId, archivedBy: actor.userId, archivedAt })];
    },
    async (tx) => {
      if ((await deps.store.depthBelow(tx, tenantId, groupId)) > 1) throw new Failure(groupFailures.has_children);
    },
  );
  return toGroup(changed);
}
