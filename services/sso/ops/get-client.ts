import type { SsoDeps } from "../deps.ts";
import { requireClient } from "../provider/client-change.ts";
import type { Client } from "../provider/client-model.ts";

/** The client, without its secret. Throws `client_not_found`. */
export async function getClient(
  { oidcClients }: Pick<SsoDeps, "oidcClients">,
  { tenantId, clientId }: { readonly tenantId: string; readonly clientId: string },
): Promise<Client> {
  return requireClient(await oidcClients.findClient(tenantId, clientId), undefined);
}
