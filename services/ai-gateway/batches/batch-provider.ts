import type { AiGatewayDeps } from "../deps.ts";
import type { Provider, ProviderDialect, Target } from "../model.ts";
import type { Surface } from "../surfaces/surface.ts";

/**
 * Hosts that take batches, by the dialect that they speak. Of OpenAI's those that serve `/files` and `/batches` as OpenAI does, by what their makers publish (platform.openai.com/docs/guides/batch,
 * github.com/groq/groq-api-cookbook "batch-processing", alibabacloud.com/help/en/model-studio/batch-inference for Beijing and Singapore,
 * docs.siliconflow.cn/cn/userguide/guides/batch; read in November 2026).
 */
const hosts: { readonly [D in ProviderDialect]?: readonly string[] } = {
  openai: [
    ...["api.openai.com", "api.groq.com", "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"],
    "api.siliconflow.cn",
  ],
  anthropic: ["api.anthropic.com"],
  gemini: ["generativelanguage.googleapis.com"],
};

/** Whose batches are jobs, of files that are sent as OpenAI's are (docs.mistral.ai/api/endpoint/batch; read in November 2026). */
const jobHosts: readonly string[] = ["api.mistral.ai"];

/** True for a provider that takes batches in its own dialect. */
export function takesBatches({ settings }: Pick<AiGatewayDeps, "settings">, provider: Provider): boolean {
  const known = hosts[provider.dialect];
  if (!known) return false;
  if (provider.source === "simulator" || settings.batches.providers.includes(provider.name)) return true;
  return known.includes(new URL(provider.baseUrl).hostname) || takesJobs({ settings }, provider);
}

/** True for one whose batches are jobs, in Mistral's form. */
export function takesJobs({ settings }: Pick<AiGatewayDeps, "settings">, provider: Provider): boolean {
  if (provider.dialect !== "openai") return false;
  return settings.batches.jobs.includes(provider.name) || jobHosts.includes(new URL(provider.baseUrl).hostname);
}

/** True for one whose batches are made of files, which OpenAI's dialect has. */
export function takesFiles(deps: Pick<AiGatewayDeps, "settings">, provider: Provider): boolean {
  return provider.dialect === "openai" && takesBatches(deps, provider);
}

/** True for one that takes requests of this kind in batches, in files or brought along: vectors are Google's alone of those that take no files. */
export function takesBatchesOf(deps: Pick<AiGatewayDeps, "settings">, provider: Provider, surface: Surface): boolean {
  if (takesFiles(deps, provider)) return true;
  const isKnown = surface === "chat" || (surface === "embeddings" && provider.dialect === "gemini");
  return isKnown && takesBatches(deps, provider);
}

/** The account with that id, if the tenant may still use it. */
export function findAccount(
  { catalog }: Pick<AiGatewayDeps, "catalog">,
  { tenantId, providerId }: { readonly tenantId: string; readonly providerId: string },
): Provider | undefined {
  return catalog.listProviders(tenantId).find((provider) => provider.providerId === providerId);
}

/** For failures, which name a model. */
export function targetAt(provider: Provider, name: string): Target {
  const model = provider.models.find((one) => one.name === name);
  const unknown = {
    inputUsdPerMillion: undefined,
    cachedInputUsdPerMillion: undefined,
    outputUsdPerMillion: undefined,
  };
  return {
    provider,
    model: model ?? { name, ...unknown, maxOutputTokens: 0, showsAllOutput: false, upstreamName: name },
  };
}
