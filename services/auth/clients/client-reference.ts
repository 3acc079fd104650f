import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import type { Author, Grantor } from "../model.ts";
import { isClientId, type ServiceClient } from "./client-model.ts";

/** Names a client within what the caller may know of. */
export interface ClientReference {
  readonly tenantId: string;
  readonly clientId: string;
}

/** Throws `client_not_found`, also for one of another tenant. */
export async function lockClient(
  { clients }: Pick<AuthDeps, "clients">,
  tx: Tx,
  { tenantId, clientId }: ClientReference,
): Promise<ServiceClient> {
  const client = await clients.lockClient(tx, tenantId, clientId);
  if (!client) throw new Failure(authFailures.client_not_found);
  return client;
}

/** A program does not make or change programs: what it made would outlive it. Throws `client_gives_nothing`. */
export function requireNoClient({ userId }: Pick<Grantor | Author, "userId">): void {
  if (isClientId(userId)) throw new Failure(authFailures.client_gives_nothing);
}
