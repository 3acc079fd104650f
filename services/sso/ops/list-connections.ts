import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { SsoDeps } from "../deps.ts";
import type { Connection } from "../model.ts";

export interface ListConnectionsInput extends PageRequest {
  readonly tenantId: string;
}

/** A tenant's connections, newest first. */
export async function listConnections(
  { connections }: Pick<SsoDeps, "connections">,
  { tenantId, limit, cursor }: ListConnectionsInput,
): Promise<Page<Connection>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await connections.listConnections(tenantId, afterId, limit + 1);
  return toPage(rows, limit, ({ connectionId }) => [connectionId]);
}
