import { ssoClientUpdated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import {
  type ClientChange,
  type ClientWithSecret,
  newSecret,
  requireClient,
  toClientMessage,
} from "../provider/client-change.ts";
import type { Client } from "../provider/client-model.ts";

/**
 * A new secret; the one before is refused from now on. Throws `client_not_found`, `client_version_mismatch` and
 * `client_has_no_secret`. A repeat gives another one.
 */
export async function rotateClientSecret(
  { db, oidcClients, outbox, clock, random }: Pick<SsoDeps, "db" | "oidcClients" | "outbox" | "clock" | "random">,
  { tenantId, clientId, expectedVersion, author }: ClientChange,
): Promise<ClientWithSecret> {
  const { secret, secretHash } = newSecret(random);
  return db.transaction(async (tx) => {
    const found = requireClient(await oidcClients.lockClient(tx, tenantId, clientId), expectedVersion);
    const { secretHash: former, ...before } = found;
    if (former === null) throw new Failure(ssoFailures.client_has_no_secret);
    const client: Client = { ...before, version: before.version + 1, updatedAt: new Date(clock.nowMs()) };
    await oidcClients.updateClient(tx, { ...client, secretHash });
    await outbox.append(tx, ssoClientUpdated, toClientMessage(client, author, true));
    return { client, secret };
  });
}
