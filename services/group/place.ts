import { groupFailures } from "@lyss/contracts/failures/group.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { readGroup } from "./access.ts";
import type { GroupDeps } from "./deps.ts";
import { type Actor, type Group, groupLimits } from "./model.ts";

/**
 * Keeps the tenant's groups a tree of at most 8 levels; called while no other of them changes its place. Throws `parent_not_found`,
 * `parent_circular` and `too_deep`.
 */
export async function checkPlace({ store }: Pick<GroupDeps, "store">, tx: Tx, group: Group): Promise<void> {
  const { tenantId, groupId, parentId } = group;
  if (parentId === "") return;
  const above = await store.listUpwards(tx, tenantId, parentId);
  if (above.length === 0) throw new Failure(groupFailures.parent_not_found);
  if (above.includes(groupId)) throw new Failure(groupFailures.parent_circular);
  const depth = above.length + (await store.depthBelow(tx, tenantId, groupId));
  if (depth > groupLimits.maxDepth) throw new Failure(groupFailures.too_deep, { limit: groupLimits.maxDepth });
}

/** Whoever puts a group below another may change that one too. Throws `parent_not_found` and `not_permitted`. */
export async function requireParent(
  { groups }: Pick<GroupDeps, "groups">,
  { tenantId, parentId, actor }: { readonly tenantId: string; readonly parentId: string; readonly actor: Actor },
): Promise<void> {
  if (parentId === "") return;
  try {
    await readGroup({ groups }, { tenantId, groupId: parentId, actor }, "group:update");
  } catch (err) {
    if (err instanceof Failure && err.type === groupFailures.not_found)
      throw new Failure(groupFailures.parent_not_found);
    throw err;
  }
}
