import type { SsoDeps } from "../deps.ts";
import { requireFound } from "../scim/caller.ts";
import { parseFilter } from "../scim/filter.ts";
import type { ScimMember } from "../scim/group-store.ts";
import type { Listed, ScimGroup, ScimReference } from "../scim/model.ts";
import type { ListScimInput } from "./list-scim-users.ts";

/** A group with those who are in it; without members where nobody asked for them. */
export interface FilledGroup extends ScimGroup {
  readonly members: readonly ScimMember[] | undefined;
}

export interface ListScimGroupsInput extends ListScimInput {
  readonly wantsMembers: boolean;
}

/** Groups of the connection, and of no other, in the order of their creation. Throws `scim_filter_invalid`. */
export async function listScimGroups(
  deps: Pick<SsoDeps, "scimGroups">,
  { caller, filter: text, startIndex, count, wantsMembers }: ListScimGroupsInput,
): Promise<Listed<FilledGroup>> {
  const { scimGroups } = deps;
  const { connectionId } = caller.connection;
  const filter = text === undefined ? undefined : parseFilter(text);
  const total = await scimGroups.countListed(connectionId, filter);
  const part = { limit: count, offset: startIndex - 1 };
  const rows = count === 0 ? [] : await scimGroups.listGroups(connectionId, filter, part);
  return { total, startIndex, rows: await fill(deps, rows, wantsMembers) };
}

/** Throws `scim_not_found`, also for a group of another connection. */
export async function getScimGroup(
  deps: Pick<SsoDeps, "scimGroups">,
  reference: ScimReference & { readonly wantsMembers: boolean },
): Promise<FilledGroup> {
  const { caller, resourceId, wantsMembers } = reference;
  const found = requireFound(await deps.scimGroups.findGroup(caller.connection.connectionId, resourceId), reference);
  const [filled] = await fill(deps, [found], wantsMembers);
  return requireFound(filled, reference);
}

async function fill(
  { scimGroups }: Pick<SsoDeps, "scimGroups">,
  rows: readonly ScimGroup[],
  wantsMembers: boolean,
): Promise<readonly FilledGroup[]> {
  if (!wantsMembers) return rows.map((row) => ({ ...row, members: undefined }));
  const byGroup = Map.groupBy(
    rows.length === 0 ? [] : await scimGroups.listMembers(rows.map(({ resourceId }) => resourceId)),
    ({ groupId }) => groupId,
  );
  return rows.map((row) => ({ ...row, members: byGroup.get(row.resourceId) ?? [] }));
}
