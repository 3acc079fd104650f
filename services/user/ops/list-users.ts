import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";
import type { UserFilter, UserSort } from "../people-store.ts";

export interface ListUsersInput extends PageRequest, UserFilter {
  /** `-` before it for the greatest first. */
  readonly sort?: UserSort | `-${UserSort}` | undefined;
}

/** People, newest first unless told otherwise. A cursor counts for the same sort only. */
export async function listUsers(
  { people }: Pick<UserDeps, "people">,
  { limit, cursor, sort = "-created_at", ...filter }: ListUsersInput,
): Promise<Page<User>> {
  const isDescending = sort.startsWith("-");
  const field = sort.replace("-", "") as UserSort;
  const after = decodeCursor(cursor, 2);
  const rows = await people.listPeople(filter, { sort: field, isDescending, after, limit: limit + 1 });
  const keyOf = ({ name, email }: User) =>
    field === "created_at" ? "" : field === "name" ? name.toLowerCase() : email;
  return toPage(rows, limit, (row) => [keyOf(row), row.userId]);
}
