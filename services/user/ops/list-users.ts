import { searchWithin } from "@lyss/kit/db/search-within.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";
import type { UserFilter, UserSort } from "../people-store.ts";

export interface ListUsersInput extends PageRequest, UserFilter {
  /** `-` before it for the greatest first. */
  readonly sort?: UserSort | `-${UserSort}` | undefined;
}

/** People, newest first unless told otherwise. A cursor counts for the same sort only. Throws `kit.search_too_broad`. */
export async function listUsers(
  { db, people, searchTimeoutMs }: Pick<UserDeps, "db" | "people" | "searchTimeoutMs">,
  { limit, cursor, sort = "-created_at", ...filter }: ListUsersInput,
): Promise<Page<User>> {
  const isDescending = sort.startsWith("-");
  const field = sort.replace("-", "") as UserSort;
  const after = decodeCursor(cursor, 2);
  const page = { sort: field, isDescending, after, limit: limit + 1 };
  const rows = await searchWithin(db, searchTimeoutMs, (tx) => people.listPeople(tx, filter, page));
  const keyOf = ({ name, email }: User) =>
    field === "created_at" ? "" : field === "name" ? name.toLowerCase() : email;
  return toPage(rows, limit, (row) => [keyOf(row), row.userId]);
}
