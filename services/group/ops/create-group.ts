import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupCreated, groupMemberAdded } from "@lyss/contracts/events/group.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { newEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import type { GroupDeps } from "../deps.ts";
import { type Actor, type Group, groupLimits, toGroup } from "../model.ts";
import { checkPlace, requireParent } from "../place.ts";

export interface CreateGroupInput {
  readonly tenantId: string;
  /** As `groupFields.name` gives it. */
  readonly name: string;
  readonly description: string;
  /** Undefined for the actor. */
  readonly ownerId: string | undefined;
  /** Empty, or left out, for a group at the top. */
  readonly parentId?: string | undefined;
  readonly actor: Actor;
}

/**
 * Creates a group with one owner. Throws `owner_missing` when neither is known, `person_not_found` for an owner who is not
 * in the tenant, `name_taken`, `too_many_groups`, and for a parent `parent_not_found`, `not_permitted` and `too_deep`. A repeat with the same name is refused.
 */
export async function createGroup(deps: GroupDeps, input: CreateGroupInput): Promise<Group> {
  const { store, groups, clock, random } = deps;
  const { tenantId, name, description, parentId = "", actor } = input;
  const ownerId = input.ownerId ?? actor.userId;
  if (ownerId === "") throw new Failure(groupFailures.owner_missing);
  // Whoever is signed in is a person of the tenant, known here already or not.
  if (ownerId !== actor.userId && !(await store.hasPerson(tenantId, ownerId))) {
    throw new Failure(groupFailures.person_not_found);
  }
  await requireParent(deps, { tenantId, parentId, actor });
  const groupId = random.id("grp");
  const createdAt = timestampFromDate(new Date(clock.nowMs()));
  const added = { groupId, tenantId, userId: ownerId, role: "owner", addedBy: actor.userId, addedAt: createdAt };
  const created = await groups.execute(
    groupId,
    () => [
      newEvent(groupCreated, { groupId, tenantId, name, description, parentId, createdBy: actor.userId, createdAt }),
      newEvent(groupMemberAdded, added),
    ],
    async (tx, loaded) => {
      const group = toGroup(loaded);
      await store.lockNames(tx, tenantId);
      if (await store.isFull(tx, group)) {
        throw new Failure(groupFailures.too_many_groups, { limit: groupLimits.maxGroupsPerTenant });
      }
      if (await store.isNameTaken(tx, group)) throw new Failure(groupFailures.name_taken);
      await checkPlace(deps, tx, group);
      await store.putGroup(tx, group);
    },
  );
  return toGroup(created);
}
