import type { Tx } from "@lyss/kit/db/database.ts";
import type { UserDeps } from "../deps.ts";
import { type ExportPart, exportingServices } from "./export-model.ts";

/**
 * Keeps what a service answered. When it was the last of all, the export is complete, and who asked for one of their own is told by mail. What
 * belongs to no export, or to one that has another in its place, is passed over. A repeat is safe.
 */
export async function noteExported(
  { exports, accounts, writer, clock }: Pick<UserDeps, "exports" | "accounts" | "writer" | "clock">,
  tx: Tx,
  exportId: string,
  part: Omit<ExportPart, "receivedAt">,
): Promise<void> {
  const found = await exports.lockExport(tx, exportId);
  if (!found || found.completedAt) return;
  const now = new Date(clock.nowMs());
  await exports.insertPart(tx, exportId, { ...part, receivedAt: now });
  const answered = new Set((await exports.listAnswered(tx, exportId)).map(({ service }) => service));
  if (!exportingServices.every((service) => answered.has(service))) return;
  await exports.completeExport(tx, exportId, now);
  if (found.requestedBy !== found.userId) return;
  const account = await accounts.lockAccount(tx, found.userId);
  const days = String(Math.ceil((found.expiresAt.getTime() - now.getTime()) / 86_400_000));
  if (account) await writer.tell(tx, "exportReady", account, { days });
}
