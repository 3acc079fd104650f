import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { NewEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { GroupDeps } from "./deps.ts";
import {
  type Actor,
  type GroupPermission,
  type GroupState,
  type LoadedGroup,
  permissionsIn,
  toGroup,
} from "./model.ts";

/** Names a group within what the actor may know of. */
export interface GroupReference {
  readonly tenantId: string;
  readonly groupId: string;
  readonly actor: Actor;
}

/** The same, to change it. */
export interface GroupChange extends GroupReference {
  /** Undefined when any version will do. */
  readonly expectedVersion: number | undefined;
}

/** What the actor holds in the group. Throws `not_found` for one he may not know of, `not_permitted` where he lacks `wanted`. */
export function requirePermission(
  state: GroupState,
  { tenantId, actor }: GroupReference,
  wanted: GroupPermission,
): readonly string[] {
  const held = permissionsIn(state, tenantId, actor);
  if (!held) throw new Failure(groupFailures.not_found);
  requireHeld(held, wanted);
  return held;
}

/** Throws `not_permitted`. */
export function requireHeld(held: readonly string[], wanted: GroupPermission): void {
  if (!permits(held, wanted)) throw new Failure(groupFailures.not_permitted, { permission: wanted });
}

/** The group as it is. Throws what `requirePermission` throws. */
export async function readGroup(
  { groups }: Pick<GroupDeps, "groups">,
  reference: GroupReference,
  wanted: GroupPermission,
): Promise<LoadedGroup> {
  const loaded = await groups.load(reference.groupId);
  requirePermission(loaded.state, reference, wanted);
  return loaded;
}

/**
 * Changes a group by the events that `decide` gives; its row changes with them. Throws `version_mismatch` when another
 * version was expected, and what `requirePermission` and `decide` throw. `decide` may run several times.
 */
export function changeGroup(
  { groups, store }: Pick<GroupDeps, "groups" | "store">,
  change: GroupChange,
  wanted: GroupPermission,
  decide: (state: GroupState, held: readonly string[]) => readonly NewEvent[],
): Promise<LoadedGroup> {
  return groups.execute(
    change.groupId,
    (state, version) => {
      const held = requirePermission(state, change, wanted);
      const { expectedVersion = version } = change;
      if (expectedVersion !== version) {
        throw new Failure(groupFailures.version_mismatch, { current: version, expected: expectedVersion });
      }
      return decide(state, held);
    },
    async (tx, loaded) => {
      const group = toGroup(loaded);
      await store.lockNames(tx, group.tenantId);
      if (group.status === "active" && (await store.isNameTaken(tx, group))) {
        throw new Failure(groupFailures.name_taken);
      }
      await store.putGroup(tx, group);
    },
  );
}

/** Throws `archived`. */
export function requireActive({ status }: GroupState): void {
  if (status === "archived") throw new Failure(groupFailures.archived);
}
