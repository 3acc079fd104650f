import type { ListGroupsResponse } from "../../api/gen/client.ts";

export type Group = ListGroupsResponse["data"][number];

/** A group with how many stand above it on this page. */
export type Placed = Group & { readonly depth: number };

/** Groups as a tree read from above: each below its parent, those of one parent by name. What has no parent here begins one. */
export function toTree(groups: readonly Group[]): readonly Placed[] {
  const ids = new Set(groups.map(({ id }) => id));
  const below = Map.groupBy(groups, ({ parent_id }) => (parent_id !== null && ids.has(parent_id) ? parent_id : ""));
  const walk = (parentId: string, depth: number): readonly Placed[] =>
    (below.get(parentId) ?? [])
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .flatMap((group) => [{ ...group, depth }, ...walk(group.id, depth + 1)]);
  return walk("", 0);
}
