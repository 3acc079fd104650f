import { Secret } from "@lyss/kit/config/secret.ts";
import type { ProviderConfig } from "./config.ts";
import type { ProviderDialect } from "./model.ts";
import { modelSchema } from "./model-config.ts";
import file from "./provider-presets.json" with { type: "json" };

/** What is known of a vendor's API, by its own documentation. */
export interface ProviderPreset {
  readonly name: string;
  readonly dialect: ProviderDialect;
  /** Where its API begins; what is the customer's own to fill in stands in braces. */
  readonly baseUrl: string;
  /** The environment variable that usually holds its key. */
  readonly env: string;
  /** Where the vendor says so. */
  readonly documentation: string;
  /** True where a key in the environment is enough: the variable is this vendor's alone and its models have well-known prices. */
  readonly isFromEnvironment: boolean;
  /** Its models with well-known prices; others need one. */
  readonly models: readonly string[];
}

/** A row for each vendor: whoever speaks a dialect that there is needs no code. */
export const providerPresets: readonly ProviderPreset[] = file.presets.map((preset) => ({
  ...preset,
  dialect: preset.dialect as ProviderDialect,
}));

/**
 * Providers for which the environment holds a key, such as OPENAI_API_KEY, with their models, whose prices are those of the price
 * book. One whose name is in `configured` is left out: the file says more.
 */
export function findPresetProviders(
  env: Readonly<Record<string, string | undefined>>,
  configured: readonly string[],
): ProviderConfig[] {
  return providerPresets.flatMap(({ name, dialect, env: variable, baseUrl, models, isFromEnvironment }) => {
    const apiKey = env[variable];
    if (!apiKey || !isFromEnvironment || configured.includes(name)) return [];
    const parsed = models.map((model) => modelSchema.parse({ name: model }));
    const provider: ProviderConfig = {
      ...{ name, dialect, baseUrl, apiKey: new Secret(apiKey), models: parsed },
      ...{ onDisconnect: "cancel", serverTools: false, unsupportedParameters: "refuse", dataPolicy: "unknown" },
    };
    return [provider];
  });
}
