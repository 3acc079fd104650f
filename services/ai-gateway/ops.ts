import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Surface } from "./call/read-request.ts";
import { serveCall } from "./call/serve-call.ts";
import type { AiGatewayDeps } from "./deps.ts";
import { type AddProviderInput, addProvider } from "./ops/add-provider.ts";
import { getProvider, type ProviderName } from "./ops/get-provider.ts";
import { loadTenantProviders } from "./ops/load-providers.ts";
import { removeProvider } from "./ops/remove-provider.ts";
import { testProvider } from "./ops/test-provider.ts";

/** Binds the gateway's operations to what they need. */
export function createAiGatewayOps(deps: AiGatewayDeps) {
  return {
    serveCall: (surface: Surface, exchange: Exchange) => serveCall(deps, surface, exchange),
    listModels: ({ tenantId, allowedModels }: { tenantId: string; allowedModels: readonly string[] }) =>
      deps.catalog.listTargets(tenantId, allowedModels),
    addProvider: (input: AddProviderInput) => addProvider(deps, input),
    getProvider: (input: ProviderName) => getProvider(deps, input),
    listProviders: ({ tenantId }: { tenantId: string }) => deps.catalog.listProviders(tenantId),
    removeProvider: (input: ProviderName) => removeProvider(deps, input),
    testProvider: (input: ProviderName) => testProvider(deps, input),
    loadTenantProviders: () => loadTenantProviders(deps),
  };
}

export type AiGatewayOps = ReturnType<typeof createAiGatewayOps>;
