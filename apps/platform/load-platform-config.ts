import { existsSync, readFileSync } from "node:fs";
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

const defaultFile = "lyss.yaml";

/**
 * The process's configuration. Throws a ConfigError that names every wrong key, and an Error for a named file that cannot
 * be read. A missing ./lyss.yaml is no error; a missing file that was asked for is.
 */
export function loadPlatformConfig({ file, env, flags, locale }: PlatformConfigSources): {
  readonly config: PlatformConfig;
  describe(): string;
} {
  const named = file ?? env["LYSS_CONFIG"];
  const name = named ?? (existsSync(defaultFile) ? defaultFile : undefined);
  const yaml = name === undefined ? undefined : { name, text: readFileSync(name, "utf8") };
  const loaded = loadConfig({
    sections: configSections,
    file: yaml,
    env,
    flags,
    reservedEnv: reservedVariables,
    locale,
  });
  return { config: loaded.config as PlatformConfig, describe: loaded.describe };
}
