import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { SsoDeps } from "../deps.ts";
import type { Client } from "../provider/client-model.ts";

export interface ListClientsInput extends PageRequest {
  readonly tenantId: string;
}

/** A tenant's clients, newest first. */
export async function listClients(
  { oidcClients }: Pick<SsoDeps, "oidcClients">,
  { tenantId, limit, cursor }: ListClientsInput,
): Promise<Page<Client>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await oidcClients.listClients(tenantId, afterId, limit + 1);
  return toPage(rows, limit, ({ clientId }) => [clientId]);
}
