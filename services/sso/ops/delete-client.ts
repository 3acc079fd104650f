import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ssoClientDeleted } from "@lyss/contracts/events/sso.ts";
import type { SsoDeps } from "../deps.ts";
import { type ClientChange, requireClient } from "../provider/client-change.ts";

/** Nobody signs in by the client any more, and its tokens are void. Throws `client_not_found` and `client_version_mismatch`. */
export async function deleteClient(
  { db, oidcClients, outbox, clock }: Pick<SsoDeps, "db" | "oidcClients" | "outbox" | "clock">,
  { tenantId, clientId, expectedVersion, author }: ClientChange,
): Promise<void> {
  await db.transaction(async (tx) => {
    requireClient(await oidcClients.lockClient(tx, tenantId, clientId), expectedVersion);
    await oidcClients.deleteClient(tx, clientId);
    await outbox.append(tx, ssoClientDeleted, {
      ...{ clientId, tenantId, actorId: author.userId, clientAddress: author.clientAddress },
      deletedAt: timestampFromDate(new Date(clock.nowMs())),
    });
  });
}
