import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type AddProviderRequest,
  type AiGatewayService,
  ProviderSource as ProviderSourceMessage,
} from "@lyss/contracts/gen/lyss/ai_gateway/v1/ai_gateway_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { z } from "zod";
import { baseUrlSchema, modelSchema, providerNameSchema } from "./config.ts";
import type { Provider, ProviderSource } from "./model.ts";
import type { AiGatewayOps } from "./ops.ts";

const sources: Readonly<Record<ProviderSource, ProviderSourceMessage>> = {
  config: ProviderSourceMessage.CONFIG,
  simulator: ProviderSourceMessage.SIMULATOR,
  tenant: ProviderSourceMessage.TENANT,
};

const addProviderInput = z.object({
  tenantId: z.string().min(1).max(64),
  name: providerNameSchema,
  dialect: z.literal("openai"),
  baseUrl: baseUrlSchema,
  apiKey: z.string().max(16_384),
  models: z.array(modelSchema).min(1).max(1_000),
});

/** AiGatewayService on the gateway's operations. */
export function createAiGatewayRpc(ops: AiGatewayOps): ServiceImpl<typeof AiGatewayService> {
  return {
    addProvider: async (request) => ({ provider: toProvider(await ops.addProvider(fromAddRequest(request))) }),
    getProvider: async ({ tenantId, name }) => ({ provider: toProvider(ops.getProvider({ tenantId, name })) }),
    listProviders: async ({ tenantId }) => ({ providers: ops.listProviders({ tenantId }).map(toProvider) }),
    async removeProvider({ tenantId, name }) {
      await ops.removeProvider({ tenantId, name });
      return {};
    },
    async testProvider({ tenantId, name }) {
      const result = await ops.testProvider({ tenantId, name });
      return { ...result, latencyMs: BigInt(result.latencyMs), missingModels: [...result.missingModels] };
    },
    async listModels({ tenantId, allowedModels }) {
      const models = ops.listModels({ tenantId, allowedModels }).map(({ provider, model }) => ({
        name: model.name,
        provider: provider.name,
        createdAt: timestampFromDate(provider.createdAt),
      }));
      return { models };
    },
  };
}

/** Proto has no absent strings and numbers: what is empty counts as left out. */
function fromAddRequest(request: AddProviderRequest) {
  const models = request.models.map(({ $typeName, ...model }) => ({
    ...{ name: model.name, inputUsdPerMillion: model.inputUsdPerMillion },
    ...(model.outputUsdPerMillion !== "" && { outputUsdPerMillion: model.outputUsdPerMillion }),
    ...(model.cachedInputUsdPerMillion !== "" && { cachedInputUsdPerMillion: model.cachedInputUsdPerMillion }),
    ...(model.maxOutputTokens !== 0n && { maxOutputTokens: Number(model.maxOutputTokens) }),
    ...(model.upstreamName !== "" && { upstreamName: model.upstreamName }),
  }));
  return parseInput(addProviderInput, { ...request, dialect: request.dialect || "openai", models });
}

function toProvider({ providerId, name, dialect, baseUrl, source, models, createdAt }: Provider) {
  return {
    ...{ providerId, name, dialect, baseUrl },
    source: sources[source],
    models: models.map((model) => ({ ...model, maxOutputTokens: BigInt(model.maxOutputTokens) })),
    createdAt: timestampFromDate(createdAt),
  };
}
