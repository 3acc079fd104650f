import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { SsoDeps } from "../deps.ts";
import { type Client, type ClientId, clientScopes } from "../provider/client-model.ts";

/** One that nobody has let in is kept for an hour, and for 90 days from the last time that somebody did. */
const neverLetInMs = 3_600_000;
const unusedMs = 90 * 86_400_000;

/**
 * A program that has registered itself (RFC 7591): public, and for people of every tenant, who are asked each time. Throws
 * `kit.permission_denied` where the operator has not opened this, and `too_many_clients`. Each repeat makes another.
 */
export async function registerClient(
  { db, oidcClients, clock, random, settings }: Pick<SsoDeps, "db" | "oidcClients" | "clock" | "random" | "settings">,
  { name, redirectUris }: Pick<Client, "name" | "redirectUris">,
): Promise<Client> {
  if (settings.clientRegistration !== "open") {
    throw new Failure(kitFailures.permission_denied, { permission: "sso.clientRegistration" });
  }
  const createdAt = new Date(clock.nowMs());
  const client: Client = {
    ...{ clientId: random.id("cli") as ClientId, tenantId: "", name, isConfidential: false, redirectUris },
    ...{ postLogoutRedirectUris: [], scopes: clientScopes, backchannelLogoutUri: null },
    ...{ backchannelLogoutSessionRequired: false, version: 1, createdAt, updatedAt: createdAt },
  };
  const limit = settings.maxRegisteredClients;
  await db.transaction(async (tx) => {
    await oidcClients.lockTenant(tx, "");
    if ((await oidcClients.countClients(tx, "")) >= limit) {
      throw new Failure(ssoFailures.too_many_clients, { limit });
    }
    await oidcClients.insertClient(tx, { ...client, secretHash: null });
  });
  return client;
}

/** Forgets programs that registered themselves and are not used. A repeat is safe. */
export async function forgetUnusedClients({
  oidcClients,
  clock,
}: Pick<SsoDeps, "oidcClients" | "clock">): Promise<void> {
  const nowMs = clock.nowMs();
  await oidcClients.deleteUnused({
    unusedSince: new Date(nowMs - unusedMs),
    neverSince: new Date(nowMs - neverLetInMs),
  });
}
