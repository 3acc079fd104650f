import { ssoClientCreated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import type { Author } from "../model.ts";
import {
  type ClientWithSecret,
  newSecret,
  requireLogoutAddress,
  requireReturns,
  toClientMessage,
} from "../provider/client-change.ts";
import { type Client, type ClientId, clientLimits } from "../provider/client-model.ts";

export interface CreateClientInput
  extends Pick<
    Client,
    | "tenantId"
    | "name"
    | "isConfidential"
    | "redirectUris"
    | "postLogoutRedirectUris"
    | "scopes"
    | "backchannelLogoutUri"
    | "backchannelLogoutSessionRequired"
  > {
  readonly author: Author;
}

/**
 * A program that signs the tenant's people in from now on, with its secret when it is confidential. Throws
 * `client_name_taken`, `too_many_clients` and `address_refused`. The names of a tenant's clients differ, so a repeat makes no second one.
 */
export async function createClient(
  {
    db,
    oidcClients,
    outbox,
    clock,
    random,
    guard,
  }: Pick<SsoDeps, "db" | "oidcClients" | "outbox" | "clock" | "random" | "guard">,
  { author, ...given }: CreateClientInput,
): Promise<ClientWithSecret> {
  const createdAt = new Date(clock.nowMs());
  const clientId = random.id("cli") as ClientId;
  const client: Client = { ...given, clientId, version: 1, createdAt, updatedAt: createdAt };
  requireLogoutAddress({ guard }, client);
  requireReturns(client);
  const made = client.isConfidential ? newSecret(random) : undefined;
  await db.transaction(async (tx) => {
    await oidcClients.lockTenant(tx, client.tenantId);
    const limit = clientLimits.clientsPerTenant;
    if ((await oidcClients.countClients(tx, client.tenantId)) >= limit) {
      throw new Failure(ssoFailures.too_many_clients, { limit });
    }
    if (!(await oidcClients.insertClient(tx, { ...client, secretHash: made?.secretHash ?? null }))) {
      throw new Failure(ssoFailures.client_name_taken);
    }
    await outbox.append(tx, ssoClientCreated, toClientMessage(client, author, made !== undefined));
  });
  return { client, secret: made?.secret };
}
