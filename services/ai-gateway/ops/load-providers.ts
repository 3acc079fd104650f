import { loadCounters } from "../call/count-tokens.ts";
import type { ProviderConfig } from "../config.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type Provider, withoutEndSlash } from "../model.ts";
import { byProvider, putModelPrices } from "../model-prices/put-model-prices.ts";
import { toModels } from "../provider-models.ts";
import { sealProviderKey } from "../seal-provider-key.ts";
import { simulatedModels } from "../simulator/catalogue.ts";

/** The tenant under which the platform's own secrets lie. */
export const platformTenantId = "platform";

/** Where the built-in simulator listens, and the key it asks for. */
export interface SimulatorAddress {
  readonly url: string;
  readonly apiKey: string;
}

/**
 * Puts the configured providers and the simulator into the catalog, their keys into the vault and their prices into the price
 * book; says which models have none. A repeat with the same configuration writes nothing.
 */
export async function loadSharedProviders(
  deps: AiGatewayDeps,
  configs: readonly ProviderConfig[],
  simulator: SimulatorAddress | undefined,
): Promise<void> {
  const now = new Date(deps.clock.nowMs());
  const known = new Map(deps.catalog.listProviders("").map((provider) => [provider.name, provider.createdAt]));
  const configured = await Promise.all(
    configs.map(
      async ({
        name,
        dialect,
        apiKey,
        models,
        onDisconnect,
        serverTools,
        apiVersion = "",
        streamOrigins,
        unsupportedParameters,
        dataPolicy,
        region = "",
        ...config
      }): Promise<Provider> => {
        const baseUrl = withoutEndSlash(config.baseUrl);
        const key = { tenantId: platformTenantId, name, apiKey: apiKey?.reveal() ?? "", baseUrl };
        const credentialId = key.apiKey === "" ? "" : await sealProviderKey(deps, key);
        const names = {
          providerId: `config:${name}`,
          tenantId: "",
          name,
          dialect,
          onDisconnect,
          serverTools,
          apiVersion,
          ...(streamOrigins && { streamOrigins }),
          unsupportedParameters,
          dataPolicy,
          region,
        };
        return {
          ...names,
          baseUrl,
          source: "config",
          credentialId,
          models: toModels(models),
          createdAt: known.get(name) ?? now,
        };
      },
    ),
  );
  const providers = simulator
    ? [...configured, toSimulatedProvider(deps, simulator, known.get("simulated") ?? now)]
    : configured;
  const unpriced = await putModelPrices(deps, "", providers);
  for (const [provider, models] of byProvider(unpriced)) {
    deps.log.warn({ provider, models }, "models have no price and cannot be called: see 'lyss prices set'");
  }
  deps.catalog.setShared(providers);
  // Made now, so that metrics show each from the start.
  for (const provider of providers) deps.policies.policyOf(provider);
}

/** Reads every tenant's own providers into the catalog, and has at hand what counts for them and for the shared ones. */
export async function loadTenantProviders({ store, catalog, policies, newest }: AiGatewayDeps): Promise<void> {
  await newest.providers(store.listProviders, catalog.setTenants);
  policies.prune();
  await loadCounters(catalog.listAllProviders());
}

function toSimulatedProvider(
  { credentials }: AiGatewayDeps,
  { url, apiKey }: SimulatorAddress,
  createdAt: Date,
): Provider {
  const providerId = "simulated";
  credentials.setLocal(providerId, apiKey);
  const models = simulatedModels.map(({ kind: _, contextTokens: __, ...model }) => ({
    ...model,
    cachedInputUsdPerMillion: model.inputUsdPerMillion,
    upstreamName: model.name,
    showsAllOutput: true,
  }));
  const names = { providerId, tenantId: "", name: "simulated", dialect: "openai" } as const;
  return {
    ...names,
    onDisconnect: "cancel",
    dataPolicy: "zero_retention",
    serverTools: false,
    baseUrl: `${url}/v1`,
    source: "simulator",
    credentialId: "",
    models,
    createdAt,
  };
}
