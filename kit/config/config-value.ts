import type { ConfigKey } from "./config-keys.ts";
import { Secret } from "./secret.ts";

/** The value of a key path such as `http.port`; undefined where there is none. */
export function valueAt(config: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((parent, name) => (parent as Record<string, unknown> | undefined)?.[name], config);
}

/**
 * A copy of `config` that has at a path what `next` has there; what is beside the path is shared with the original. A group
 * around it that only one of the two has comes or goes as a whole.
 */
export function withValueFrom<Config>(config: Config, next: Config, path: string): Config {
  const [name = "", ...rest] = path.split(".");
  const before = (config as Record<string, unknown>)[name];
  const after = (next as Record<string, unknown>)[name];
  const isWhole = rest.length === 0 || before === undefined || after === undefined;
  return { ...config, [name]: isWhole ? after : withValueFrom(before, after, rest.join(".")) };
}

/** A value on one line, cut to a readable length, without the password of a URL. */
export function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, part) => (typeof part === "bigint" ? String(part) : part)) ?? String(value);
  const clean = text.replace(/(:\/\/[^\s/:@"]*:)[^\s/@"]+@/g, "$1[secret]@");
  return clean.length > 200 ? `${clean.slice(0, 200)}…` : clean;
}

/** The keys whose values differ between two configurations, secrets among them. */
export function listChangedKeys(keys: readonly ConfigKey[], before: unknown, after: unknown): readonly ConfigKey[] {
  const textAt = (config: unknown, path: string) => toText(valueAt(config, path), (secret) => secret.reveal());
  return keys.filter(({ path }) => textAt(before, path) !== textAt(after, path));
}

/** The same text for equal values, in whatever order their fields were written. Secrets all read alike. */
export function toCanonicalText(value: unknown): string {
  return toText(value, String);
}

function toText(value: unknown, ofSecret: (secret: Secret) => string): string {
  if (value instanceof Secret) return JSON.stringify(ofSecret(value));
  if (Array.isArray(value)) return `[${value.map((item) => toText(item, ofSecret)).join()}]`;
  if (typeof value !== "object" || value === null)
    return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? "");
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const texts = fields.map(([name, field]) => `${JSON.stringify(name)}:${toText(field, ofSecret)}`);
  return `{${texts.sort().join()}}`;
}
