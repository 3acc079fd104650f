import { providerChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import {
  type DataPolicy,
  type Provider,
  type ProviderDialect,
  type UnsupportedParameters,
  withoutEndSlash,
} from "../model.ts";
import type { ModelConfig } from "../model-config.ts";
import { putModelPrices } from "../model-prices/put-model-prices.ts";
import { toModels } from "../provider-models.ts";
import { sealProviderKey } from "../seal-provider-key.ts";
import { loadTenantProviders } from "./load-providers.ts";

export interface AddProviderInput {
  readonly tenantId: string;
  readonly name: string;
  readonly dialect: ProviderDialect;
  readonly baseUrl: string;
  /** Empty for a provider that needs none. */
  readonly apiKey: string;
  readonly models: readonly ModelConfig[];
  /** Of Azure's dated API; empty for the usual one. */
  readonly apiVersion: string;
  readonly unsupportedParameters: UnsupportedParameters;
  readonly dataPolicy: DataPolicy;
  /** Empty where it is not known. */
  readonly region: string;
}

const guard = createAddressGuard();

/**
 * Adds a tenant's provider, or replaces the tenant's one of that name. Its key is sealed by the credential service and
 * bound to the provider's address. Throws `address_refused` for an address that is not public, and `provider_configured` for
 * the name of a shared provider. Models that come without a price take that of the list of well-known ones; throws
 * `billing.price_missing` for one that it does not know.
 */
export async function addProvider(deps: AiGatewayDeps, input: AddProviderInput): Promise<Provider> {
  const { tenantId, name, dialect, apiKey, apiVersion, unsupportedParameters, dataPolicy, region } = input;
  const baseUrl = withoutEndSlash(input.baseUrl);
  const reason = guard.refuse(new URL(baseUrl));
  if (reason) {
    throw new Failure(aiGatewayFailures.address_refused, { reason: reason.en_US, reason_zh_CN: reason.zh_CN });
  }
  const known = deps.catalog.findProvider(tenantId, name);
  if (known && known.source !== "tenant") throw new Failure(aiGatewayFailures.provider_configured, { name });

  const models = toModels(input.models);
  const [unpriced] = await putModelPrices(deps, tenantId, [{ name, baseUrl, models }]);
  if (unpriced) throw new Failure(billingFailures.price_missing, unpriced);
  const credentialId = apiKey === "" ? "" : await sealProviderKey(deps, { tenantId, name, apiKey, baseUrl });
  const provider: Provider = {
    ...{ providerId: known?.providerId ?? deps.random.id("prv"), tenantId, name, dialect, baseUrl },
    ...{ apiVersion, unsupportedParameters, dataPolicy, region },
    ...{
      source: "tenant",
      onDisconnect: "cancel",
      serverTools: true,
      credentialId,
      models,
      createdAt: known?.createdAt ?? new Date(deps.clock.nowMs()),
    },
  };
  await deps.db.transaction(async (tx) => {
    await deps.store.putProvider(tx, provider);
    await deps.outbox.append(tx, providerChanged, { tenantId, name, actorId: currentActorId() });
  });
  await loadTenantProviders(deps);
  // Its key or its address may be another: what was known of the old one says nothing.
  deps.health.letIn(provider);
  return provider;
}
