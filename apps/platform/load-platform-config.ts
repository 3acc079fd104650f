import { existsSync, readFileSync } from "node:fs";
import type { Loaded } from "@lyss/kit/config/live-config.ts";
import { loadConfig } from "@lyss/kit/config/load-config.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { configSections, type PlatformConfig, reservedVariables } from "./config.ts";

export interface PlatformConfigSources {
  /** Path of the file; LYSS_CONFIG or ./lyss.yaml unless given. */
  readonly file: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values by key path. */
  readonly flags: Readonly<Record<string, string | number | boolean>>;
  readonly locale: Locale;
}

export interface LoadedPlatformConfig extends Loaded<PlatformConfig> {
  /** Where the file is, or would be if there were one. */
  readonly path: string;
  describe(): string;
  /** The same sources read again. A file that was there has to be there still. Throws as `loadPlatformConfig` does. */
  reload(): LoadedPlatformConfig;
}

const defaultFile = "lyss.yaml";

/**
 * The process's configuration. Throws a ConfigError that names every wrong key, and an Error for a named file that cannot
 * be read. A missing ./lyss.yaml is no error; a missing file that was asked for is.
 */
export function loadPlatformConfig(sources: PlatformConfigSources): LoadedPlatformConfig {
  const { env, flags, locale } = sources;
  const named = sources.file ?? env["LYSS_CONFIG"];
  const path = named ?? defaultFile;
  const isThere = named !== undefined || existsSync(path);
  const file = isThere ? { name: path, text: readFileSync(path, "utf8") } : undefined;
  const loaded = loadConfig({ sections: configSections, file, env, flags, reservedEnv: reservedVariables, locale });
  return {
    config: loaded.config as PlatformConfig,
    keys: loaded.keys,
    path,
    describe: loaded.describe,
    reload: () => loadPlatformConfig(isThere ? { ...sources, file: path } : sources),
  };
}
