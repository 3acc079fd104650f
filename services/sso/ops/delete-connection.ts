import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ssoConnectionDeleted } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { type ConnectionChange, requireVersion } from "./update-connection.ts";

/**
 * Nobody comes in by the connection any more; its people, and sessions that are open, stay. Throws `connection_not_found`
 * and `version_mismatch`.
 */
export async function deleteConnection(
  { db, connections, outbox, clock }: Pick<SsoDeps, "db" | "connections" | "outbox" | "clock">,
  { tenantId, connectionId, expectedVersion, author }: ConnectionChange,
): Promise<void> {
  await db.transaction(async (tx) => {
    const found = await connections.lockConnection(tx, tenantId, connectionId);
    if (!found) throw new Failure(ssoFailures.connection_not_found);
    requireVersion(found, expectedVersion);
    await connections.deleteConnection(tx, connectionId);
    await outbox.append(tx, ssoConnectionDeleted, {
      ...{ connectionId, tenantId, version: BigInt(found.version + 1), actorId: author.userId },
      ...{ clientAddress: author.clientAddress, deletedAt: timestampFromDate(new Date(clock.nowMs())) },
    });
  });
}
