import { Secret } from "@lyss/kit/config/secret.ts";
import { modelSchema, type ProviderConfig } from "./config.ts";
import file from "./provider-presets.json" with { type: "json" };

/**
 * Providers for which the environment holds a key, such as OPENAI_API_KEY, with their models (written by
 * `tools/import-presets.ts`), whose prices are those of the price book. One whose name is in `configured` is left out: the file says more.
 */
export function findPresetProviders(
  env: Readonly<Record<string, string | undefined>>,
  configured: readonly string[],
): ProviderConfig[] {
  return file.presets.flatMap(({ name, env: variable, baseUrl, models }): ProviderConfig[] => {
    const apiKey = env[variable];
    if (!apiKey || configured.includes(name)) return [];
    const parsed = models.map((name) => modelSchema.parse({ name }));
    return [
      {
        name,
        dialect: "openai",
        baseUrl,
        apiKey: new Secret(apiKey),
        onDisconnect: "cancel",
        serverTools: false,
        models: parsed,
      },
    ];
  });
}
