import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  AiGatewayService,
  type Model as ModelMessage,
  ProviderSource as ProviderSourceMessage,
} from "@lyss/contracts/gen/lyss/ai_gateway/v1/ai_gateway_pb.js";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { baseUrlSchema } from "./base-url.ts";
import { apiVersionSchema } from "./config.ts";
import type { Provider, ProviderSource } from "./model.ts";
import { dataPolicies, providerDialects, unsupportedParametersModes } from "./model.ts";
import { modelSchema } from "./model-config.ts";
import type { AiGatewayOps } from "./ops.ts";
import { providerNameSchema, regionSchema } from "./provider-name.ts";

const sources: Readonly<Record<ProviderSource, ProviderSourceMessage>> = {
  config: ProviderSourceMessage.CONFIG,
  simulator: ProviderSourceMessage.SIMULATOR,
  tenant: ProviderSourceMessage.TENANT,
};

const reference = { tenantId: idInput, name: z.string().min(1).max(63) };
const inputs = {
  addProvider: {
    tenantId: idInput,
    name: providerNameSchema,
    dialect: z.preprocess((given) => given || "openai", z.enum(providerDialects)),
    baseUrl: baseUrlSchema,
    apiKey: z.string().max(16_384),
    apiVersion: z.union([z.literal(""), apiVersionSchema]),
    unsupportedParameters: z.preprocess((given) => given || "refuse", z.enum(unsupportedParametersModes)),
    dataPolicy: z.preprocess((given) => given || "unknown", z.enum(dataPolicies)),
    region: z.union([z.literal(""), regionSchema]),
    models: z.array(z.preprocess(fromModelMessage, modelSchema)).min(1).max(1_000),
  },
  getProvider: reference,
  listProviders: { tenantId: idInput },
  removeProvider: reference,
  testProvider: reference,
  listModels: { tenantId: idInput, allowedModels: z.array(z.string().max(200)).max(1_000) },
} satisfies MethodInputs<typeof AiGatewayService>;

/** AiGatewayService on the gateway's operations. */
export function createAiGatewayRpc(ops: AiGatewayOps): CheckedRpc<typeof AiGatewayService> {
  return createRpc(AiGatewayService, inputs, {
    addProvider: async (request) => ({ provider: toProvider(await ops.addProvider(request)) }),
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
      const targets = await ops.listModels({ tenantId, keyId: "", allowedModels });
      const models = targets.map(({ name, target: { provider } }) => ({
        name,
        provider: provider.name,
        createdAt: timestampFromDate(provider.createdAt),
      }));
      return { models };
    },
  });
}

/** Proto has no absent strings and numbers: what is empty counts as left out. */
function fromModelMessage(message: unknown) {
  const model = message as ModelMessage;
  return {
    name: model.name,
    ...(model.inputUsdPerMillion !== "" && { inputUsdPerMillion: model.inputUsdPerMillion }),
    ...(model.outputUsdPerMillion !== "" && { outputUsdPerMillion: model.outputUsdPerMillion }),
    ...(model.cachedInputUsdPerMillion !== "" && { cachedInputUsdPerMillion: model.cachedInputUsdPerMillion }),
    ...(model.maxOutputTokens !== 0n && { maxOutputTokens: Number(model.maxOutputTokens) }),
    showsAllOutput: model.showsAllOutput,
    ...(model.upstreamName !== "" && { upstreamName: model.upstreamName }),
  };
}

function toProvider(provider: Provider) {
  const { providerId, name, dialect, baseUrl, source, models, createdAt } = provider;
  const { apiVersion = "", unsupportedParameters = "refuse", dataPolicy = "unknown", region = "" } = provider;
  return {
    ...{ apiVersion, unsupportedParameters, dataPolicy, region },
    ...{ providerId, name, dialect, baseUrl },
    source: sources[source],
    models: models.map((model) => ({
      ...{ name: model.name, upstreamName: model.upstreamName, maxOutputTokens: BigInt(model.maxOutputTokens) },
      inputUsdPerMillion: model.inputUsdPerMillion ?? "",
      cachedInputUsdPerMillion: model.cachedInputUsdPerMillion ?? "",
      outputUsdPerMillion: model.outputUsdPerMillion ?? "",
    })),
    createdAt: timestampFromDate(createdAt),
  };
}
