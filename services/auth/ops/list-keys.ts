import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { AuthDeps } from "../deps.ts";
import type { Key } from "../model.ts";

export interface ListKeysInput extends PageRequest {
  readonly tenantId: string;
  /** Undefined for the whole tenant. */
  readonly userId: string | undefined;
}

/** Keys, newest first, revoked and expired ones included. */
export async function listKeys(
  { store }: Pick<AuthDeps, "store">,
  { tenantId, userId, limit, cursor }: ListKeysInput,
): Promise<Page<Key>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await store.listKeys({ tenantId, userId, afterId, limit: limit + 1 });
  return toPage(rows, limit, ({ keyId }) => [keyId]);
}
