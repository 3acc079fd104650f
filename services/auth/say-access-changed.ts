import { accessChanged } from "@lyss/contracts/events/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "./deps.ts";

/**
 * Tells every node that what somebody may do is to be asked anew, and with it what the service clients may do that hold what
 * that person gave them. Without a person, of the whole tenant.
 */
export async function sayAccessChanged(
  { clients, outbox }: Pick<AuthDeps, "clients" | "outbox">,
  tx: Tx,
  { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
): Promise<void> {
  await outbox.append(tx, accessChanged, { tenantId, userId });
  if (userId === "") return;
  for (const { clientId } of await clients.listGrantedBy(tx, { tenantId, userId })) {
    await outbox.append(tx, accessChanged, { tenantId, userId: clientId });
  }
}
