import { serviceClientUpdated } from "@lyss/contracts/events/auth.ts";
import type { AuthDeps } from "../deps.ts";
import { hashKeySecret } from "../key-secret.ts";
import { sayClientChanged, toClientUpdated } from "./client-messages.ts";

/**
 * Disables the client whose secret was found where it should not be, and tells every node: it needs a new secret before somebody
 * lets it in again. Gives whether the secret is one of ours. One that gets no tokens any more disables nothing. A repeat is safe.
 */
export async function disableLeakedClient(
  deps: Pick<AuthDeps, "db" | "clients" | "outbox" | "clock" | "clientPepper">,
  { secret, clientAddress }: { readonly secret: string; readonly clientAddress: string },
): Promise<boolean> {
  const { db, clients, outbox, clock, clientPepper } = deps;
  const found = await clients.findBySecretHash(hashKeySecret(clientPepper, secret));
  if (!found) return false;
  const now = new Date(clock.nowMs());
  if (found.secretExpiresAt && found.secretExpiresAt <= now) return true;
  await db.transaction(async (tx) => {
    const client = await clients.lockClient(tx, found.tenantId, found.clientId);
    if (!client || client.disabledAt) return;
    const disabled = { ...client, disabledAt: now, updatedAt: now };
    await clients.updateClient(tx, disabled);
    const author = { userId: "", clientAddress };
    await outbox.append(tx, serviceClientUpdated, toClientUpdated(disabled, ["disabled"], author));
    await sayClientChanged(deps, tx, client);
  });
  return true;
}
