import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { type GroupReference, readGroup } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { type GroupRole, listMemberships, type Member, toMember } from "../model.ts";

export interface ListMembersInput extends GroupReference, PageRequest {
  readonly role?: GroupRole | undefined;
  /** Only these of them. */
  readonly userIds?: readonly string[] | undefined;
}

/** Who is in the group, in the order of user ids; every change that was answered is in it. Throws `not_found`. */
export async function listMembers(
  deps: Pick<GroupDeps, "groups">,
  { role, userIds, limit, cursor, ...reference }: ListMembersInput,
): Promise<Page<Member>> {
  const [afterId = ""] = decodeCursor(cursor, 1) ?? [];
  const { state } = await readGroup(deps, reference, "member:read");
  const rows = listMemberships(state)
    .filter(([userId, membership]) => userId > afterId && (role === undefined || membership.role === role))
    .filter(([userId]) => userIds === undefined || userIds.includes(userId))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit + 1)
    .map(([userId, membership]) => toMember(userId, membership));
  return toPage(rows, limit, ({ userId }) => [userId]);
}
