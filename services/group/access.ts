import { greaterRole, manageGroupsPermission } from "@lyss/contracts/access/group-roles.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { NewEvent } from "@lyss/kit/event-sourcing/aggregate.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { GroupDeps } from "./deps.ts";
import {
  type Actor,
  findMembership,
  type Group,
  type GroupPermission,
  type GroupRole,
  type GroupState,
  groupLimits,
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
  inherited?: Inherited,
): readonly string[] {
  // A group that was moved meanwhile is below others than those that were asked: they give nothing.
  const role = inherited?.parentId === state.parentId ? inherited.role : undefined;
  const held = permissionsIn(state, tenantId, actor, role);
  if (!held) throw new Failure(groupFailures.not_found);
  requireHeld(held, wanted);
  return held;
}

/** Throws `not_permitted`. */
export function requireHeld(held: readonly string[], wanted: GroupPermission): void {
  if (!permits(held, wanted)) throw new Failure(groupFailures.not_permitted, { permission: wanted });
}

/** The role that the groups above a group give somebody in it. */
interface Inherited {
  readonly parentId: string;
  readonly role: GroupRole | undefined;
}

/** Undefined where it decides nothing: at the top, in another tenant, and for those who reach every group. */
async function readInherited(
  { groups }: Pick<GroupDeps, "groups">,
  { tenantId, parentId }: GroupState,
  { actor, ...reference }: GroupReference,
): Promise<Inherited | undefined> {
  if (tenantId !== reference.tenantId || permits(actor.permissions, manageGroupsPermission)) return undefined;
  let role: GroupRole | undefined;
  let aboveId = parentId;
  for (let depth = 1; aboveId !== "" && depth < groupLimits.maxDepth; depth++) {
    const { state } = await groups.load(aboveId);
    role = greaterRole(role, findMembership(state, actor.userId)?.role);
    aboveId = state.parentId;
  }
  return { parentId, role };
}

/** Throws `not_permitted` for those who do not reach every group of the tenant. */
export function requireManager({ permissions }: Actor): void {
  if (permits(permissions, manageGroupsPermission)) return;
  throw new Failure(groupFailures.not_permitted, { permission: manageGroupsPermission });
}

/** Throws `permission_not_held` for what the actor would give without having it. */
export function requireGivable({ permissions: held }: Actor, given: readonly string[]): void {
  const permission = given.find((each) => !permits(held, each));
  if (permission !== undefined) throw new Failure(groupFailures.permission_not_held, { permission });
}

/** The group as it is. Throws what `requirePermission` throws. */
export async function readGroup(
  { groups }: Pick<GroupDeps, "groups">,
  reference: GroupReference,
  wanted: GroupPermission,
): Promise<LoadedGroup> {
  const loaded = await groups.load(reference.groupId);
  requirePermission(loaded.state, reference, wanted, await readInherited({ groups }, loaded.state, reference));
  return loaded;
}

/**
 * Changes a group by the events that `decide` gives; its row changes with them. Throws `version_mismatch` when another
 * version was expected, and what `requirePermission`, `decide` and `alsoCheck` throw. `decide` may run several times; `alsoCheck` runs
 * while no other group of the tenant changes its place or name.
 */
export async function changeGroup(
  { groups, store }: Pick<GroupDeps, "groups" | "store">,
  change: GroupChange,
  wanted: GroupPermission,
  decide: (state: GroupState, held: readonly string[]) => readonly NewEvent[],
  alsoCheck?: (tx: Tx, group: Group) => Promise<void>,
): Promise<LoadedGroup> {
  const inherited = await readInherited({ groups }, (await groups.load(change.groupId)).state, change);
  return groups.execute(
    change.groupId,
    (state, version) => {
      const held = requirePermission(state, change, wanted, inherited);
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
      await alsoCheck?.(tx, group);
      await store.putGroup(tx, group);
    },
  );
}

/** Throws `archived`. */
export function requireActive({ status }: GroupState): void {
  if (status === "archived") throw new Failure(groupFailures.archived);
}
