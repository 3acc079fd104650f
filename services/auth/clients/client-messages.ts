import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { accessChanged } from "@lyss/contracts/events/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import type { Author } from "../model.ts";
import type { ServiceClient } from "./client-model.ts";

type Named = Pick<ServiceClient, "clientId" | "tenantId" | "name">;

/** What `service_client.created` says. */
export function toClientCreated(client: ServiceClient, clientAddress: string) {
  const { clientId, tenantId, name, permissions, createdAt, createdBy } = client;
  return {
    ...{ clientId, tenantId, name, permissions: [...permissions], createdBy, clientAddress },
    createdAt: timestampFromDate(createdAt),
  };
}

/** What `service_client.updated` says. */
export function toClientUpdated(
  { clientId, tenantId, name, permissions, updatedAt, disabledAt }: ServiceClient,
  changedFields: readonly string[],
  { userId: updatedBy, clientAddress }: Author,
) {
  return {
    ...{ clientId, tenantId, name, permissions: [...permissions], changedFields: [...changedFields] },
    ...{ isDisabled: disabledAt !== null, updatedAt: timestampFromDate(updatedAt), updatedBy, clientAddress },
  };
}

/** What `service_client.removed` says. */
export function toClientRemoved(
  { clientId, tenantId, name }: Named,
  removedAt: Date,
  { userId: removedBy, clientAddress }: Author,
) {
  return { clientId, tenantId, name, removedAt: timestampFromDate(removedAt), removedBy, clientAddress };
}

/** Tells every node that what a client may do is to be asked anew. */
export async function sayClientChanged(
  { outbox }: Pick<AuthDeps, "outbox">,
  tx: Tx,
  { tenantId, clientId }: Pick<ServiceClient, "clientId" | "tenantId">,
): Promise<void> {
  await outbox.append(tx, accessChanged, { tenantId, userId: clientId });
}
