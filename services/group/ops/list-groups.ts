import { manageGroupsPermission } from "@lyss/contracts/access/group-roles.ts";
import { searchWithin } from "@lyss/kit/db/search-within.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { GroupDeps } from "../deps.ts";
import type { Actor, Group, GroupStatus } from "../model.ts";

export interface ListGroupsInput extends PageRequest {
  readonly tenantId: string;
  readonly actor: Actor;
  readonly status?: GroupStatus | undefined;
  /** Part of the name, in whatever case. */
  readonly name?: string | undefined;
  /** Only groups that this person is in. */
  readonly memberId?: string | undefined;
  /** Only groups directly below this one. */
  readonly parentId?: string | undefined;
}

/**
 * The groups that the actor may know of, newest first. Who is in which group is known from events: a change of membership
 * shows up here a moment after it happened. Throws `kit.search_too_broad`.
 */
export async function listGroups(
  { db, store, searchTimeoutMs }: Pick<GroupDeps, "db" | "store" | "searchTimeoutMs">,
  { tenantId, actor, status, name, memberId, parentId, limit, cursor }: ListGroupsInput,
): Promise<Page<Group>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const isManager = permits(actor.permissions, manageGroupsPermission);
  const reachedBy = isManager ? undefined : actor.userId;
  const wanted = { tenantId, status, name, memberId, reachedBy, parentId, afterId, limit: limit + 1 };
  const rows = await searchWithin(db, searchTimeoutMs, (tx) => store.listGroups(tx, wanted));
  return toPage(rows, limit, ({ groupId }) => [groupId]);
}
