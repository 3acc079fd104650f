import { searchWithin } from "@lyss/kit/db/search-within.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";
import type { UserFilter } from "../people-store.ts";

export interface ListUsersByPageInput {
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
  /** Words; `status:` and `role:` before one say what it is compared with. */
  readonly filter: string;
  /** Undefined for the people of all tenants. */
  readonly tenantId: string | undefined;
}

/** A numbered page of people, newest first, and how many there are on all pages. Throws `kit.search_too_broad`. */
export async function listUsersByPage(
  { db, people, searchTimeoutMs }: Pick<UserDeps, "db" | "people" | "searchTimeoutMs">,
  { page, pageSize, filter, tenantId }: ListUsersByPageInput,
): Promise<{ readonly users: readonly User[]; readonly totalCount: number }> {
  const wanted = { ...parseUserFilter(filter), tenantId };
  return searchWithin(db, searchTimeoutMs, async (tx) => ({
    users: await people.listNumberedPage(tx, wanted, { limit: pageSize, offset: (page - 1) * pageSize }),
    totalCount: await people.countPeople(tx, wanted),
  }));
}

/** Reads the words of a filter. The last one of a kind counts. */
export function parseUserFilter(text: string): UserFilter {
  const words: string[] = [];
  const named: { status?: string; role?: string } = {};
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^(status|role):(.+)$/.exec(word) ?? [];
    if (name === "status" || name === "role") named[name] = value ?? "";
    else words.push(word);
  }
  return { ...named, words };
}
