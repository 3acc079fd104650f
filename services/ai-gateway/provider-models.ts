import type { Model } from "./model.ts";
import type { ModelConfig } from "./model-config.ts";

/** Models as the catalog holds them: what was left out is filled in. */
export function toModels(configs: readonly ModelConfig[]): Model[] {
  return configs.map((config) => ({
    ...config,
    inputUsdPerMillion: config.inputUsdPerMillion,
    cachedInputUsdPerMillion: config.cachedInputUsdPerMillion ?? config.inputUsdPerMillion,
    outputUsdPerMillion: config.outputUsdPerMillion ?? (config.inputUsdPerMillion === undefined ? undefined : "0"),
    upstreamName: config.upstreamName ?? config.name,
  }));
}
