import { providerChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { getProvider, type ProviderName } from "./get-provider.ts";
import { loadTenantProviders } from "./load-providers.ts";

/** Removes a tenant's own provider and destroys its key. Throws `provider_not_found` and `provider_configured`. */
export async function removeProvider(deps: AiGatewayDeps, { tenantId, name }: ProviderName): Promise<void> {
  const { source, credentialId, providerId } = getProvider(deps, { tenantId, name });
  if (source !== "tenant") throw new Failure(aiGatewayFailures.provider_configured, { name });
  await deps.db.transaction(async (tx) => {
    await deps.store.deleteProvider(tx, tenantId, name);
    await deps.accountStore.forget(tx, providerId);
    await deps.outbox.append(tx, providerChanged, { tenantId, name, actorId: currentActorId() });
  });
  if (credentialId !== "") await deps.credential.revokeCredential({ tenantId, credentialId });
  await loadTenantProviders(deps);
}
