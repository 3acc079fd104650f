import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { agentRoutes } from "./agent-routes.ts";
import { baseUrlSchema } from "./base-url.ts";
import { batchRoutes } from "./batch-routes.ts";
import { cacheRoutes } from "./cache-routes.ts";
import { callDefaultsRoutes } from "./call-defaults-routes.ts";
import { callRoutes, type Place } from "./call-routes.ts";
import { apiVersionSchema } from "./config.ts";
import { toOpenAiFailureReply } from "./dialects/openai/failure-reply.ts";
import { exportRoutes } from "./export-routes.ts";
import { feedbackRoutes } from "./feedback-routes.ts";
import { fileRoutes } from "./file-routes.ts";
import { fineTuningRoutes } from "./fine-tuning-routes.ts";
import { geminiRoutes } from "./gemini-routes.ts";
import { guardrailRoutes } from "./guardrail-routes.ts";
import { mcpRoutes } from "./mcp-routes.ts";
import { mediaRoutes } from "./media-routes.ts";
import { messagesRoutes } from "./messages-routes.ts";
import { mirrorRoutes } from "./mirror-routes.ts";
import {
  dataPolicies,
  type Provider,
  prefillForms,
  providerDialects,
  quantizations,
  unsupportedParametersModes,
} from "./model.ts";
import { imagePriceSchema } from "./model-config.ts";
import { modelInput, toModelConfig } from "./model-input.ts";
import { modelLimitRoutes } from "./model-limit-routes.ts";
import {
  anthropicList,
  anthropicModel,
  dialectHeaders,
  googleList,
  googleModel,
  listDialectOf,
  openAiList,
  openAiModel,
  pageQuery,
  toAnthropicList,
  toAnthropicModel,
  toGoogleList,
  toGoogleModel,
  toOpenAiModel,
} from "./model-lists.ts";
import type { AiGatewayOps } from "./ops.ts";
import { passThroughRoutes } from "./pass-through-routes.ts";
import { promptRoutes } from "./prompt-routes.ts";
import { providerNameSchema, regionSchema } from "./provider-name.ts";
import { type ProviderPreset, providerPresets } from "./provider-presets.ts";
import { realtimeRoutes } from "./realtime-routes.ts";
import { receiptRoutes } from "./receipt-routes.ts";
import { requestBodyRoutes } from "./request-body-routes.ts";
import { resilienceRoutes } from "./resilience-routes.ts";
import { responsesRoutes } from "./responses-routes.ts";
import { rolloutRoutes } from "./rollout-routes.ts";
import { type TargetReport, targetReport, toTargetReport } from "./routing/target-report.ts";
import { routingRoutes } from "./routing-routes.ts";
import { videoRoutes } from "./video-routes.ts";

const { json } = routesFor<AiGatewayOps>();

function modelRoutes({ prefix, suffix, dialect }: Place) {
  return [
    json({
      ...dialect,
      method: "GET",
      path: `${prefix}/models`,
      permission: "model:list",
      operation: `listModels${suffix}`,
      summary:
        "The models that this key may use, in the form of the SDK that asks. One without a price cannot be called, and is not listed.",
      reads: dialectHeaders,
      query: pageQuery,
      response: z.union([openAiList, anthropicList, googleList]),
      async handle(ops, request) {
        const { tenantId, keyId, models } = requireCaller(request);
        const targets = await ops.listModels({ tenantId, keyId, allowedModels: models });
        const whose = listDialectOf(request.headers);
        if (whose === "google") return toGoogleList(targets, request.query);
        if (whose === "anthropic") return toAnthropicList(targets, request.query);
        return { object: "list" as const, data: targets.map(toOpenAiModel) };
      },
    }),
    json({
      ...dialect,
      method: "GET",
      path: `${prefix}/models/{id}`,
      takesSlashes: true,
      permission: "model:list",
      operation: `getModel${suffix}`,
      summary: "One model that this key may use.",
      params: z.strictObject({ id: z.string().max(200) }),
      reads: dialectHeaders,
      query: pageQuery.pick({ key: true }),
      response: z.union([openAiModel, anthropicModel, googleModel]),
      failures: [aiGatewayFailures.model_not_found, billingFailures.price_missing],
      async handle(ops, request) {
        const { tenantId, keyId, models } = requireCaller(request);
        const target = await ops.getModel({ tenantId, keyId, allowedModels: models, model: request.params.id });
        const whose = listDialectOf(request.headers);
        if (whose === "google") return toGoogleModel(target);
        return whose === "anthropic" ? toAnthropicModel(target) : toOpenAiModel(target);
      },
    }),
  ];
}

const providerParams = z.strictObject({ name: z.string().max(63) });

/** Null where the price book has the word. */
const shownPrice = z.string().nullable();

const provider = z.strictObject({
  object: z.literal("provider"),
  name: z.string(),
  dialect: z.enum(providerDialects),
  base_url: z.string(),
  api_version: z.string().nullable().describe("Null where it is the usual one, or there are none."),
  unsupported_parameters: z.enum(unsupportedParametersModes),
  data_policy: z.enum(dataPolicies).describe("What it does with prompts, as whoever added it says."),
  region: z
    .string()
    .nullable()
    .describe("Where it works on prompts, as whoever added it says; null where nobody does."),
  source: z.enum(["config", "simulator", "tenant"]),
  has_api_key: z.boolean(),
  models: z.array(
    z.strictObject({
      name: z.string(),
      upstream_name: z.string(),
      input_usd_per_million: shownPrice,
      cached_input_usd_per_million: shownPrice,
      output_usd_per_million: shownPrice,
      image_prices: z.array(imagePriceSchema).optional().describe("What an image costs by its size and quality."),
      video_prices: z
        .array(z.strictObject({ size: z.string(), usd_per_second: z.string() }))
        .optional()
        .describe("What a second of video costs by its size."),
      max_output_tokens: z.int(),
      shows_all_output: z.boolean(),
      prefill: z.enum(prefillForms).optional(),
      quantization: z.enum(quantizations).optional(),
      health: targetReport.optional().describe("How it does, beside the same model at other providers."),
    }),
  ),
  created_at: z.iso.datetime(),
});

const providerTest = z.strictObject({
  object: z.literal("provider_test"),
  reachable: z.boolean(),
  status: z.int().describe("HTTP status of the provider's answer; 0 when there was none."),
  latency_ms: z.int(),
  missing_models: z.array(z.string()).describe("Configured models that the provider does not list."),
});

const providerPreset = z.strictObject({
  object: z.literal("provider_preset"),
  name: z.string(),
  dialect: z.enum(providerDialects),
  base_url: z.string().describe("What stands in braces is the customer's own to fill in."),
  api_key_env: z.string().describe("The environment variable that usually holds its key."),
  documentation: z.string(),
  models: z.array(z.string()).describe("Those with a well-known price; others need one."),
});

const providerRoutes = [
  json({
    method: "GET",
    path: "/api/v1/ai/provider-presets",
    permission: "provider:read",
    operation: "listProviderPresets",
    summary: "What is known of vendors' APIs, for adding one as a provider.",
    response: z.strictObject({ object: z.literal("list"), data: z.array(providerPreset) }),
    handle: () => ({ object: "list" as const, data: providerPresets.map(toProviderPreset) }),
  }),
  json({
    method: "GET",
    path: "/api/v1/ai/providers",
    permission: "provider:read",
    operation: "listProviders",
    summary: "The providers that the tenant may use: its own first, then the shared ones.",
    response: z.strictObject({ object: z.literal("list"), data: z.array(provider) }),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const reports = await ops.reportModels({ tenantId });
      const data = ops.listProviders({ tenantId }).map((it) => toProvider(it, reports.get(it)));
      return { object: "list" as const, data };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/ai/providers",
    permission: "provider:create",
    operation: "addProvider",
    summary: "Adds a provider of the tenant's own, or replaces the one of that name.",
    body: z.strictObject({
      name: providerNameSchema,
      dialect: z.enum(providerDialects).default("openai").describe("The API that it speaks."),
      base_url: baseUrlSchema,
      api_key: z.string().max(16_384).default("").describe("Sealed at once; never shown again."),
      api_version: apiVersionSchema.optional().describe("Of Azure's API with deployments in the path."),
      unsupported_parameters: z
        .enum(unsupportedParametersModes)
        .default("refuse")
        .describe(
          "Whether a call with a parameter that its model is known not to take is refused, or goes without it.",
        ),
      data_policy: z
        .enum(dataPolicies)
        .default("unknown")
        .describe(
          "What it does with prompts: `collects` keeps them and may learn from them, `retains` keeps them for a time against abuse alone, `zero_retention` keeps nothing.",
        ),
      region: regionSchema.optional().describe("Where it works on prompts, such as `eu` or `eu-central-1`."),
      models: z.array(modelInput).min(1).max(1_000),
    }),
    response: provider,
    successStatus: 201,
    failures: [aiGatewayFailures.address_refused, aiGatewayFailures.provider_configured, billingFailures.price_missing],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { name, dialect, base_url: baseUrl, api_key: apiKey } = request.body;
      const models = request.body.models.map(toModelConfig);
      const { api_version: apiVersion = "", unsupported_parameters: unsupportedParameters } = request.body;
      const { data_policy: dataPolicy, region = "" } = request.body;
      const how = { apiVersion, unsupportedParameters, dataPolicy, region };
      return toProvider(await ops.addProvider({ tenantId, name, dialect, baseUrl, apiKey, models, ...how }));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/ai/providers/{name}",
    permission: "provider:read",
    operation: "getProvider",
    summary: "One provider.",
    params: providerParams,
    response: provider,
    failures: [aiGatewayFailures.provider_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const reports = await ops.reportModels({ tenantId });
      const found = ops.getProvider({ tenantId, name: request.params.name });
      return toProvider(found, reports.get(found));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/ai/providers/{name}",
    permission: "provider:delete",
    operation: "removeProvider",
    summary: "Removes a provider of the tenant's own and destroys its key.",
    params: providerParams,
    response: z.strictObject({ object: z.literal("provider"), name: z.string(), deleted: z.literal(true) }),
    failures: [aiGatewayFailures.provider_not_found, aiGatewayFailures.provider_configured],
    async handle(ops, request) {
      const { name } = request.params;
      await ops.removeProvider({ tenantId: requireCaller(request).tenantId, name });
      return { object: "provider" as const, name, deleted: true as const };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/ai/providers/{name}:test",
    permission: "provider:test",
    operation: "testProvider",
    summary: "Asks the provider for its models with the stored key.",
    params: providerParams,
    response: providerTest,
    failures: [aiGatewayFailures.provider_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const result = await ops.testProvider({ tenantId, name: request.params.name });
      return {
        object: "provider_test" as const,
        reachable: result.isReachable,
        status: result.status,
        latency_ms: result.latencyMs,
        missing_models: [...result.missingModels],
      };
    },
  }),
];

/** Under `/v1` errors have OpenAI's shape, under the platform's prefix the platform's own. */
const places: readonly Place[] = [
  { prefix: "/v1", suffix: "", dialect: { toFailureReply: toOpenAiFailureReply } },
  { prefix: "/api/v1/ai", suffix: "ApiV1Ai", dialect: {} },
];

/** Model calls in the dialects of OpenAI, Anthropic and Google, and the providers behind them. */
export const aiGatewayRoutes = [
  ...places.flatMap((place) => [...callRoutes(place), ...mediaRoutes(place), ...modelRoutes(place)]),
  ...places.flatMap((place) => [...fileRoutes(place), ...batchRoutes(place), ...videoRoutes(place)]),
  ...places.flatMap(fineTuningRoutes),
  ...places.flatMap((place) => [...realtimeRoutes(place), ...passThroughRoutes(place)]),
  ...messagesRoutes,
  ...geminiRoutes,
  ...responsesRoutes,
  ...providerRoutes,
  ...routingRoutes,
  ...rolloutRoutes,
  ...mirrorRoutes,
  ...promptRoutes,
  ...guardrailRoutes,
  ...mcpRoutes,
  ...agentRoutes,
  ...resilienceRoutes,
  ...modelLimitRoutes,
  ...callDefaultsRoutes,
  ...cacheRoutes,
  ...receiptRoutes,
  ...feedbackRoutes,
  ...requestBodyRoutes,
  ...exportRoutes,
];

function toProviderPreset(preset: ProviderPreset): z.input<typeof providerPreset> {
  const { name, dialect, baseUrl, env, documentation, models } = preset;
  const about = { base_url: baseUrl, api_key_env: env, documentation, models: [...models] };
  return { object: "provider_preset", name, dialect, ...about };
}

function toProvider(it: Provider, reports?: ReadonlyMap<string, TargetReport>): z.input<typeof provider> {
  const healthOf = (name: string) => {
    const report = reports?.get(name);
    return report && { health: toTargetReport(report) };
  };
  return {
    object: "provider",
    name: it.name,
    dialect: it.dialect,
    base_url: it.baseUrl,
    api_version: it.apiVersion || null,
    unsupported_parameters: it.unsupportedParameters ?? "refuse",
    data_policy: it.dataPolicy ?? "unknown",
    region: it.region || null,
    source: it.source,
    has_api_key: it.credentialId !== "",
    models: it.models.map((entry) => ({
      name: entry.name,
      upstream_name: entry.upstreamName,
      input_usd_per_million: entry.inputUsdPerMillion ?? null,
      cached_input_usd_per_million: entry.cachedInputUsdPerMillion ?? null,
      output_usd_per_million: entry.outputUsdPerMillion ?? null,
      ...(entry.imagePrices && { image_prices: [...entry.imagePrices] }),
      ...(entry.videoPrices && {
        video_prices: entry.videoPrices.map(({ size, usdPerSecond }) => ({ size, usd_per_second: usdPerSecond })),
      }),
      max_output_tokens: entry.maxOutputTokens,
      shows_all_output: entry.showsAllOutput,
      ...(entry.prefill && { prefill: entry.prefill }),
      ...(entry.quantization && { quantization: entry.quantization }),
      ...healthOf(entry.name),
    })),
    created_at: it.createdAt.toISOString(),
  };
}
