import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { ConfigError } from "./config-error.ts";
import type { ConfigKey } from "./config-keys.ts";
import { listChangedKeys, show, toCanonicalText, valueAt, withValueFrom } from "./config-value.ts";

/** A configuration as it was loaded, with the keys that it may have. */
export interface Loaded<Config> {
  readonly config: Config;
  readonly keys: readonly ConfigKey[];
}

export interface LiveConfigStats {
  readonly version: string;
  /** Times that a change took effect, and times that there was something wrong, since the start. */
  readonly applied: number;
  readonly invalid: number;
  /** True while the last configuration that was read could not be used. */
  readonly isInvalid: boolean;
  /** Keys that were changed and wait for a restart. */
  readonly pendingKeys: readonly string[];
}

/** The configuration of a running process. */
export interface LiveConfig<Config> {
  current(): Config;
  /** Twelve hex digits of SHA-256 over the values in force; secrets do not count. */
  version(): string;
  /**
   * Calls the listener with each new configuration, until the returned function is called. A listener that throws is
   * logged and keeps none of the others from hearing of it.
   */
  onChange(listener: (config: Config) => void): () => void;
  /**
   * Loads the configuration anew. Changed keys that are live take effect, all at once; the others keep their values and
   * the log says that they need a restart. One that cannot be used changes nothing, and the log says why. Never throws.
   */
  reload(): void;
  stats(): LiveConfigStats;
}

export interface LiveConfigOptions<Config> {
  readonly initial: Loaded<Config>;
  /** Reads everything again. Throws a ConfigError, or any other error, when it cannot be used. */
  readonly load: () => Loaded<Config>;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
}

/** A configuration that can change while it is used. */
export function createLiveConfig<Config extends object>(options: LiveConfigOptions<Config>): LiveConfig<Config> {
  const { initial, load, log } = options;
  const listeners = new Set<(config: Config) => void>();
  let config = initial.config;
  let version = versionOf(config);
  let applied = 0;
  let invalid = 0;
  let isInvalid = false;
  let pendingKeys: readonly string[] = [];

  function read(): Loaded<Config> | undefined {
    try {
      const loaded = load();
      isInvalid = false;
      return loaded;
    } catch (err) {
      invalid++;
      isInvalid = true;
      const problems = err instanceof ConfigError ? err.problems.map(toLogged) : undefined;
      log.error(problems ? { problems } : { err }, "the new configuration cannot be used: nothing was changed");
      return undefined;
    }
  }

  function tellPending(changed: readonly ConfigKey[]): void {
    const before = pendingKeys;
    pendingKeys = changed.filter(({ isLive }) => !isLive).map(({ path }) => path);
    const isNews = pendingKeys.some((path) => !before.includes(path));
    if (isNews) log.warn({ keys: pendingKeys }, "changed keys take effect at the next start only");
  }

  function apply(next: Config, changed: readonly ConfigKey[]): void {
    for (const { path } of changed) config = withValueFrom(config, next, path);
    version = versionOf(config);
    applied++;
    const values = changed.map(({ path, isSecret }) => `${path}: ${isSecret ? "[secret]" : show(valueAt(next, path))}`);
    log.info({ version, changed: values }, "a new configuration is in force");
    for (const listener of listeners) {
      try {
        listener(config);
      } catch (err) {
        log.error({ err }, "a part of the program could not take up the new configuration");
      }
    }
  }

  return {
    current: () => config,
    version: () => version,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    reload() {
      const loaded = read();
      if (!loaded) return;
      const changed = listChangedKeys(loaded.keys, config, loaded.config);
      tellPending(changed);
      const live = changed.filter(({ isLive }) => isLive);
      if (live.length > 0) apply(loaded.config, live);
    },
    stats: () => ({ version, applied, invalid, isInvalid, pendingKeys }),
  };
}

function versionOf(config: unknown): string {
  return createHash("sha256").update(toCanonicalText(config)).digest("hex").slice(0, 12);
}

function toLogged({ key, value, reason, source }: ConfigError["problems"][number]) {
  return { key, value, reason: reason.en_US, source };
}
