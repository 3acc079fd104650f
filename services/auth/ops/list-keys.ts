import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { AuthDeps } from "../deps.ts";
import type { Key, KeyStatus } from "../model.ts";

export interface ListKeysInput extends PageRequest {
  readonly tenantId: string;
  /** Undefined for the whole tenant. */
  readonly userId: string | undefined;
  /** Of every status when left out. */
  readonly status?: KeyStatus | undefined;
  /** How the name begins, whatever the case. */
  readonly namePrefix?: string | undefined;
}

/** Keys, newest first, revoked and expired ones included. Throws `kit.invalid_request` for a cursor that is none of ours. */
export async function listKeys(
  { store, clock }: Pick<AuthDeps, "store" | "clock">,
  { tenantId, userId, status, namePrefix, limit, cursor }: ListKeysInput,
): Promise<Page<Key>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await store.listKeys({
    ...{ tenantId, userId, status, namePrefix: namePrefix?.toLowerCase(), now: new Date(clock.nowMs()) },
    ...{ afterId, limit: limit + 1 },
  });
  return toPage(rows, limit, ({ keyId }) => [keyId]);
}
