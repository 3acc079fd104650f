import { serviceClientRemoved } from "@lyss/contracts/events/auth.ts";
import type { AuthDeps } from "../deps.ts";
import type { Author } from "../model.ts";
import { sayClientChanged, toClientRemoved } from "./client-messages.ts";
import type { ServiceClient } from "./client-model.ts";
import { type ClientReference, lockClient, requireNoClient } from "./client-reference.ts";

/** Removes a client with its secrets and tokens, on every node. What it used is told under its id. Throws `client_not_found`. */
export async function removeServiceClient(
  deps: Pick<AuthDeps, "db" | "clients" | "outbox" | "clock">,
  { author, ...reference }: ClientReference & { readonly author: Author },
): Promise<ServiceClient> {
  requireNoClient(author);
  return deps.db.transaction(async (tx) => {
    const client = await lockClient(deps, tx, reference);
    await deps.clients.deleteClient(tx, client.clientId);
    const removedAt = new Date(deps.clock.nowMs());
    await deps.outbox.append(tx, serviceClientRemoved, toClientRemoved(client, removedAt, author));
    await sayClientChanged(deps, tx, client);
    return client;
  });
}
