import type { ModelConfig } from "./config.ts";
import { type Model, usdToNanos } from "./model.ts";

/** Models as the catalog holds them: what was left out is filled in. */
export function toModels(configs: readonly ModelConfig[]): Model[] {
  return configs.map((config) => ({
    ...config,
    cachedInputUsdPerMillion: config.cachedInputUsdPerMillion ?? config.inputUsdPerMillion,
    upstreamName: config.upstreamName ?? config.name,
  }));
}

/** The prices of a provider's models, as billing takes them. */
export function toPrices(provider: string, models: readonly Model[]) {
  return models.map((model) => ({
    provider,
    model: model.name,
    rates: {
      inputNanosPerMillion: usdToNanos(model.inputUsdPerMillion),
      cachedInputNanosPerMillion: usdToNanos(model.cachedInputUsdPerMillion),
      outputNanosPerMillion: usdToNanos(model.outputUsdPerMillion),
    },
  }));
}
