import { ssoClientUpdated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { given } from "../party-change.ts";
import {
  type ClientChange,
  requireClient,
  requireLogoutAddress,
  requireReturns,
  toClientMessage,
} from "../provider/client-change.ts";
import type { Client } from "../provider/client-model.ts";

type Changeable = Pick<
  Client,
  | "name"
  | "redirectUris"
  | "postLogoutRedirectUris"
  | "scopes"
  | "backchannelLogoutUri"
  | "backchannelLogoutSessionRequired"
>;

export interface UpdateClientInput extends ClientChange {
  /** What is undefined stays. */
  readonly changes: { readonly [Field in keyof Changeable]: Changeable[Field] | undefined };
}

/**
 * The client as it is from now on. Throws `client_not_found`, `client_version_mismatch`, `client_name_taken` and `address_refused`. A repeat is
 * safe.
 */
export async function updateClient(
  { db, oidcClients, outbox, clock, guard }: Pick<SsoDeps, "db" | "oidcClients" | "outbox" | "clock" | "guard">,
  { tenantId, clientId, expectedVersion, author, changes }: UpdateClientInput,
): Promise<Client> {
  return db.transaction(async (tx) => {
    await oidcClients.lockTenant(tx, tenantId);
    const { secretHash, ...before } = requireClient(
      await oidcClients.lockClient(tx, tenantId, clientId),
      expectedVersion,
    );
    const after: Client = {
      ...{ ...before, ...given(changes), version: before.version + 1, updatedAt: new Date(clock.nowMs()) },
    };
    requireLogoutAddress({ guard }, after);
    requireReturns(after);
    if (await oidcClients.hasOtherOfName(tx, after)) throw new Failure(ssoFailures.client_name_taken);
    await oidcClients.updateClient(tx, { ...after, secretHash });
    await outbox.append(tx, ssoClientUpdated, toClientMessage(after, author, false));
    return after;
  });
}
