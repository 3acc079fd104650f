import type { z } from "zod";
import { checkInput, formatPath } from "../errors/check-input.ts";
import type { Locale } from "../errors/failure.ts";
import type { ConfigSections } from "../service/define-service.ts";
import { coerceText, withUnit } from "./coerce.ts";
import { ConfigError, type ConfigProblem, reasons } from "./config-error.ts";
import {
  type ConfigKey,
  hasFields,
  holdsSecretAt,
  type KeySchema,
  listConfigKeys,
  toEnvWord,
  toSchemaTree,
} from "./config-keys.ts";
import { show, valueAt } from "./config-value.ts";
import { nearestName } from "./nearest-name.ts";
import { readYamlFile, type YamlFile } from "./yaml-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadConfigOptions<Sections extends ConfigSections> {
  readonly sections: Sections;
  /** What the file says, already read; its name is for messages. */
  readonly file?: YamlFile | undefined;
  readonly env: Environment;
  /** Values by key path, from the command line; a text is read as a variable's would be. */
  readonly flags?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Variables with the prefix that are no configuration. */
  readonly reservedEnv?: readonly string[];
  /** `LYSS_` unless given. */
  readonly envPrefix?: string;
  /** The language of the error's message. */
  readonly locale?: Locale;
}

export interface LoadedConfig<Sections extends ConfigSections> {
  readonly config: { readonly [Name in keyof Sections]: z.output<Sections[Name]> };
  /** Every key that there is, in the order of declaration. */
  readonly keys: readonly ConfigKey[];
  /** One line for each key: its value and where it came from. Holds no secret. */
  describe(): string;
}

/** Values as they are gathered, layer over layer, and who set each. */
interface Gathered {
  readonly root: Record<string, unknown>;
  readonly sources: Map<string, string>;
  readonly problems: ConfigProblem[];
}

/**
 * The configuration: defaults < file < environment < flags, parsed by the sections' schemas. Throws a ConfigError that
 * names every problem at once, among them keys and variables that nothing knows. An empty variable counts as not set.
 */
export function loadConfig<const Sections extends ConfigSections>(
  options: LoadConfigOptions<Sections>,
): LoadedConfig<Sections> {
  const { sections, env, envPrefix = "LYSS_" } = options;
  const tree = toSchemaTree(sections);
  const keys = listConfigKeys(tree, envPrefix);
  const gathered: Gathered = { root: Object.create(null), sources: new Map(), problems: [] };
  if (options.file) addFile(gathered, options.file, tree, keys, env);
  addVariables(gathered, keys, env, envPrefix, options.reservedEnv ?? []);
  addFlags(gathered, keys, options.flags ?? {});
  const filled = fill(tree, gathered.root) as Record<string, unknown>;
  const config: Record<string, unknown> = {};
  for (const [name, section] of Object.entries(sections)) {
    const result = checkInput(section, filled[name]);
    if (result.success) config[name] = result.data;
    else for (const problem of result.problems) addProblem(gathered, keys, [name, ...problem.path], problem.reason);
  }
  if (gathered.problems.length > 0) throw new ConfigError(gathered.problems, options.locale);
  return {
    config: config as LoadedConfig<Sections>["config"],
    keys,
    describe: () => keys.map((key) => describeKey(key, config, gathered.sources)).join("\n"),
  };
}

function addFile(
  gathered: Gathered,
  file: YamlFile,
  tree: KeySchema,
  keys: readonly ConfigKey[],
  env: Environment,
): void {
  const resolve = (path: string, name: string) => {
    const text = env[name];
    return text ? coerceText(path, findKey(keys, path)?.schema ?? {}, text) : undefined;
  };
  const { value, sources, problems } = readYamlFile(file, resolve);
  gathered.problems.push(...problems);
  for (const [path, source] of sources) gathered.sources.set(path, source);
  const known = dropUnknown(tree, value, "", (path) => {
    const nearest = nearestName(
      path,
      keys.flatMap((key) => [key.path, ...parentsOf(key.path)]),
    );
    gathered.problems.push({ key: path, reason: reasons.unknownKey(nearest), source: sources.get(path) });
  });
  Object.assign(gathered.root, known);
}

/** The value without fields that the schema does not have, each of which is reported; numbers with a unit made plain. */
function dropUnknown(schema: KeySchema, value: unknown, path: string, report: (path: string) => void): unknown {
  if (typeof value === "string") return withUnit(path, schema, value) ?? value;
  const entry = schema.additionalProperties;
  if (typeof entry === "object" && hasFields(entry) && isMapping(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, dropUnknown(entry, item, `${path}.${name}`, report)]),
    );
  }
  if (!hasFields(schema) || !isMapping(value)) return value;
  const known: Record<string, unknown> = Object.create(null);
  for (const [name, field] of Object.entries(value)) {
    const ownPath = path === "" ? name : `${path}.${name}`;
    const fieldSchema = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (fieldSchema) known[name] = dropUnknown(fieldSchema, field, ownPath, report);
    else if (typeof schema.additionalProperties === "object") known[name] = field;
    else report(ownPath);
  }
  return known;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function addVariables(
  gathered: Gathered,
  keys: readonly ConfigKey[],
  env: Environment,
  prefix: string,
  reserved: readonly string[],
): void {
  for (const name of Object.keys(env).sort()) {
    const text = env[name];
    if (!name.startsWith(prefix) || !text || reserved.includes(name)) continue;
    const target = findVariable(keys, name);
    if (target) {
      setAt(gathered, target.path, coerceText(target.path, target.schema, text), name);
      continue;
    }
    const names = [...keys.flatMap(toVariableNames), ...reserved];
    gathered.problems.push({ key: name, reason: reasons.unknownVariable(nearestName(name, names)) });
  }
}

/** The key of a variable, or the entry of a record: `LYSS_PEERS_AI_GATEWAY` is `peers.ai-gateway`. */
function findVariable(keys: readonly ConfigKey[], name: string): { path: string; schema: KeySchema } | undefined {
  const exact = keys.find((key) => key.env === name && key.shape !== "record");
  if (exact) return exact;
  for (const { env, shape, path, schema } of keys) {
    if (shape !== "record" || env === undefined || !name.startsWith(`${env}_`)) continue;
    const word = name.slice(env.length + 1);
    const entries = schema.propertyNames?.enum?.map(String);
    const entry = entries ? entries.find((candidate) => toEnvWord(candidate) === word) : wordToEntry(word);
    const entrySchema = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
    if (entry !== undefined) return { path: `${path}.${entry}`, schema: entrySchema };
  }
  return undefined;
}

function toVariableNames({ env, shape, schema }: ConfigKey): string[] {
  if (env === undefined) return [];
  if (shape !== "record") return [env];
  const entries = schema.propertyNames?.enum?.map((entry) => toEnvWord(String(entry))) ?? ["<NAME>"];
  return entries.map((entry) => `${env}_${entry}`);
}

function wordToEntry(word: string): string {
  return word.toLowerCase().replaceAll("_", "-");
}

function addFlags(
  gathered: Gathered,
  keys: readonly ConfigKey[],
  flags: Readonly<Record<string, string | number | boolean>>,
): void {
  for (const [path, value] of Object.entries(flags)) {
    const source = `flag ${path}`;
    const key = findKey(keys, path);
    if (key) {
      setAt(gathered, path, typeof value === "string" ? coerceText(path, schemaAt(key, path), value) : value, source);
      continue;
    }
    const nearest = nearestName(
      path,
      keys.map((known) => known.path),
    );
    gathered.problems.push({ key: path, reason: reasons.unknownKey(nearest), source });
  }
}

/** The key at `path`, or the record of which `path` is an entry. */
function findKey(keys: readonly ConfigKey[], path: string): ConfigKey | undefined {
  return keys.find((key) => key.path === path || (key.shape === "record" && path.startsWith(`${key.path}.`)));
}

function schemaAt(key: ConfigKey, path: string): KeySchema {
  const entry = key.schema.additionalProperties;
  return path !== key.path && typeof entry === "object" ? entry : key.schema;
}

function setAt(gathered: Gathered, path: string, value: unknown, source: string): void {
  const names = path.split(".");
  const last = names.pop() ?? path;
  let group = gathered.root;
  for (const name of names) {
    const next = group[name] ?? Object.create(null);
    // The file has something else here: its schema says so, and nothing may cover that up.
    if (typeof next !== "object" || Array.isArray(next)) return;
    group[name] = next;
    group = next as Record<string, unknown>;
  }
  group[last] = value;
  gathered.sources.set(path, source);
}

/** The value with an empty object for every required group that was left out, so that its fields take their defaults. */
function fill(schema: KeySchema, value: unknown): unknown {
  if (!hasFields(schema) || typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(schema.properties)) {
    const isMissing = filled[name] === undefined;
    if (isMissing && !(hasFields(field) && schema.required?.includes(name))) continue;
    filled[name] = fill(field, isMissing ? {} : filled[name]);
  }
  return filled;
}

function addProblem(
  gathered: Gathered,
  keys: readonly ConfigKey[],
  path: readonly PropertyKey[],
  reason: ConfigProblem["reason"],
): void {
  const name = formatPath(path);
  // A key that has its problem already, such as a variable that is not set, needs no second one.
  if (gathered.problems.some(({ key }) => key === name || name.startsWith(`${key}.`))) return;
  const value = path.reduce<unknown>(
    (parent, part) => (parent as Record<PropertyKey, unknown> | undefined)?.[part],
    gathered.root,
  );
  const key = findKey(keys, name);
  if (value === undefined) {
    if (key) gathered.problems.push({ key: name, reason: reasons.required(key.env) });
    else gathered.problems.push({ key: name, reason, source: nearestSource(gathered.sources, name) });
    return;
  }
  const shown = keys.some((other) => mayHoldSecret(other, name)) ? "[secret]" : show(value);
  gathered.problems.push({ key: name, value: shown, reason, source: nearestSource(gathered.sources, name) });
}

/** A group that should hold a secret may be the secret itself, written one level too high. */
function mayHoldSecret(key: ConfigKey, name: string): boolean {
  if (!key.isSecret) return false;
  if (name === key.path || key.path.startsWith(`${name}.`)) return true;
  return name.startsWith(`${key.path}.`) && holdsSecretAt(key.schema, name.slice(key.path.length + 1).split("."));
}

function nearestSource(sources: ReadonlyMap<string, string>, path: string): string | undefined {
  for (let name = path; name !== ""; name = name.slice(0, Math.max(0, name.lastIndexOf(".")))) {
    const source = sources.get(name);
    if (source !== undefined) return source;
  }
  return undefined;
}

function describeKey(key: ConfigKey, config: Record<string, unknown>, sources: ReadonlyMap<string, string>): string {
  const value = valueAt(config, key.path);
  const entries = [...sources].filter(([path]) => path.startsWith(`${key.path}.`)).map(([, source]) => source);
  const source = sources.get(key.path) ?? ([...new Set(entries)].join(", ") || "default");
  if (value === undefined) return `${key.path}: (not set)`;
  return `${key.path}: ${key.isSecret ? "[secret]" : show(value)}  # ${source}`;
}

function parentsOf(path: string): string[] {
  const names = path.split(".");
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join("."));
}
