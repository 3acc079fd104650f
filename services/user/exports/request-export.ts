import { userAudit, userExportRequested } from "@lyss/contracts/events/user.ts";
import { seal } from "@lyss/kit/crypto/seal.ts";
import { createSealingPair } from "@lyss/kit/crypto/seal-to.ts";
import type { PersonReference } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import { type ExportProgress, exportEveryMs, exportLifeMs } from "./export-model.ts";
import { readProgress } from "./get-export.ts";
import { requireExporter } from "./require-exporter.ts";

export interface RequestExportInput extends PersonReference {
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Asks every service for what it keeps of a person, and gives how far that is. Within an hour of the one before, that one is given; later, a
 * new one takes its place. Where another person asks, the one whom it is about is told by mail. Throws `not_found`, `role_above_own` and
 * `kit.permission_denied`. A repeat is safe.
 */
export async function requestExport(deps: UserDeps, input: RequestExportInput): Promise<ExportProgress> {
  const { db, accounts, exports, exportKey, outbox, audit, writer, clock, random } = deps;
  const { actor, clientAddress } = input;
  return db.transaction(async (tx) => {
    const { userId, tenantId } = await requireExporter(deps, tx, input);
    // Of two that ask at once, the second finds what the first made.
    const account = await accounts.lockAccount(tx, userId);
    const requestedAt = new Date(clock.nowMs());
    const known = await exports.findExport(tx, userId, requestedAt);
    if (known && requestedAt.getTime() - known.requestedAt.getTime() < exportEveryMs)
      return readProgress(deps, tx, known);
    const exportId = random.id("exp");
    const { publicKey, privateKey } = createSealingPair();
    const requestedBy = actor?.userId ?? "";
    const asked = {
      ...{ exportId, userId, tenantId, requestedBy, publicKey, requestedAt, completedAt: null },
      sealedKey: seal(random, exportKey, privateKey, exportId),
      expiresAt: new Date(requestedAt.getTime() + exportLifeMs),
    };
    await exports.deleteExportOf(tx, userId);
    await exports.insertExport(tx, asked);
    await outbox.append(tx, userExportRequested, { exportId, userId, tenantId, publicKey });
    await audit.append(tx, { event: userAudit.exportRequested, userId, tenantId, actorId: requestedBy, clientAddress });
    if (account && requestedBy !== userId) await writer.tell(tx, "exportAsked", account);
    return readProgress(deps, tx, asked);
  });
}
