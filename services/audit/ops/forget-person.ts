import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { auditPersonErased } from "@lyss/contracts/events/audit.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuditDeps } from "../deps.ts";
import { platformChain } from "../model.ts";

/**
 * Forgets where a person who is gone came from, in every entry of what they did or of what was tried in their name, also of
 * what is told later. The logs stay as they are proven: the person's id is in them, and nothing else of the person. A repeat is safe.
 */
export async function forgetPerson(
  { store, outbox, clock }: Pick<AuditDeps, "store" | "outbox" | "clock">,
  tx: Tx,
  { userId, tenantId }: { readonly userId: string; readonly tenantId: string },
): Promise<void> {
  const erasedAt = new Date(clock.nowMs());
  const chain = tenantId || platformChain;
  // An act that is being kept is there before its address is forgotten, or sees that it is not to be kept.
  await store.insertChain(tx, chain);
  await store.lockChain(tx, chain);
  await store.insertForgotten(tx, userId, erasedAt);
  await store.forgetAddresses(tx, userId);
  await outbox.append(tx, auditPersonErased, { userId, tenantId, erasedAt: timestampFromDate(erasedAt) });
}
