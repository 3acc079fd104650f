import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { AuthDeps } from "../deps.ts";
import type { Author } from "../model.ts";
import type { ClientStatus, ServiceClient } from "./client-model.ts";
import type { ClientReference } from "./client-reference.ts";
import { type CreateServiceClientInput, createServiceClient } from "./create-client.ts";
import { type CreateClientTokenInput, createClientToken } from "./create-client-token.ts";
import { removeServiceClient } from "./remove-client.ts";
import { type RotateServiceClientInput, rotateServiceClient } from "./rotate-client.ts";
import { type UpdateServiceClientInput, updateServiceClient } from "./update-client.ts";

export interface ListServiceClientsInput extends PageRequest {
  readonly tenantId: string;
  readonly status?: ClientStatus | undefined;
  /** How the name begins, whatever the case. */
  readonly namePrefix?: string | undefined;
}

/** Binds the operations on service clients to what they need. */
export function createClientOps(deps: AuthDeps) {
  return {
    createServiceClient: (input: CreateServiceClientInput) => createServiceClient(deps, input),
    updateServiceClient: (input: UpdateServiceClientInput) => updateServiceClient(deps, input),
    rotateServiceClient: (input: RotateServiceClientInput) => rotateServiceClient(deps, input),
    removeServiceClient: (input: ClientReference & { readonly author: Author }) => removeServiceClient(deps, input),
    createClientToken: (input: CreateClientTokenInput) => createClientToken(deps, input),

    /** Throws `client_not_found`, also for one of another tenant. */
    async getServiceClient({ tenantId, clientId }: ClientReference): Promise<ServiceClient> {
      const client = await deps.clients.findClient(tenantId, clientId);
      if (!client) throw new Failure(authFailures.client_not_found);
      return client;
    },

    /** Newest first. Throws `kit.invalid_request` for a cursor that is none of ours. */
    async listServiceClients(input: ListServiceClientsInput): Promise<Page<ServiceClient>> {
      const { tenantId, status, namePrefix, limit, cursor } = input;
      const [afterId] = decodeCursor(cursor, 1) ?? [];
      const filter = { tenantId, status, namePrefix: namePrefix?.toLowerCase(), now: new Date(deps.clock.nowMs()) };
      const rows = await deps.clients.listClients({ ...filter, afterId, limit: limit + 1 });
      return toPage(rows, limit, ({ clientId }) => [clientId]);
    },
  };
}
