import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Provider } from "../model.ts";

export interface ProviderName {
  readonly tenantId: string;
  readonly name: string;
}

/** A provider that the tenant may use. Throws `provider_not_found`. */
export function getProvider({ catalog }: AiGatewayDeps, { tenantId, name }: ProviderName): Provider {
  const provider = catalog.findProvider(tenantId, name);
  if (!provider) throw new Failure(aiGatewayFailures.provider_not_found, { name });
  return provider;
}
