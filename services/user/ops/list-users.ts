import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";

export interface ListUsersInput extends PageRequest {
  readonly tenantId: string;
}

/** A tenant's people, newest first. */
export async function listUsers(
  { store }: Pick<UserDeps, "store">,
  { tenantId, limit, cursor }: ListUsersInput,
): Promise<Page<User>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await store.listUsers(tenantId, afterId, limit + 1);
  return toPage(rows, limit, ({ userId }) => [userId]);
}
