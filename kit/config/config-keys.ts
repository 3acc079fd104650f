import { z } from "zod";
import type { ConfigSections } from "../service/define-service.ts";

/** What this package reads of JSON Schema (draft 2020-12), which zod gives for every schema. */
export interface KeySchema {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: KeySchema | boolean;
  readonly propertyNames?: KeySchema;
  readonly items?: KeySchema;
  readonly anyOf?: readonly KeySchema[];
  readonly oneOf?: readonly KeySchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly writeOnly?: boolean;
  readonly live?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** One thing that can be set. */
export interface ConfigKey {
  /** `http.port`. */
  readonly path: string;
  /** `LYSS_HTTP_PORT`; for a record the start of its entries' names; undefined for what only a file can express. */
  readonly env: string | undefined;
  readonly shape: "scalar" | "list" | "record" | "structure";
  readonly schema: KeySchema;
  readonly isRequired: boolean;
  /** True when a part of it must not be printed. */
  readonly isSecret: boolean;
  /** True when a change takes effect in a running process: it, or a group around it, is marked `.meta({ live: true })`. */
  readonly isLive: boolean;
}

/** The sections as one JSON Schema object. */
export function toSchemaTree(sections: ConfigSections): KeySchema {
  const properties: Record<string, KeySchema> = {};
  const required: string[] = [];
  for (const [name, section] of Object.entries(sections)) {
    const schema = z.toJSONSchema(section, {
      io: "input",
      unrepresentable: ({ zodSchema }) =>
        zodSchema._zod.def.type === "bigint" ? { type: "integer", format: "int64" } : "any",
    }) as KeySchema;
    properties[name] = schema;
    if (schema.default === undefined && !section.safeParse(undefined).success) required.push(name);
  }
  return { type: "object", properties, required, additionalProperties: false };
}

/** Every key of the tree, in the order of declaration. Throws a TypeError when two would share a variable. */
export function listConfigKeys(tree: KeySchema, envPrefix: string): readonly ConfigKey[] {
  const keys = [...walk(tree, [], { isOptional: false, isLive: false }, envPrefix)];
  const seen = new Map<string, string>();
  for (const { env, path } of keys) {
    if (env === undefined) continue;
    const other = seen.get(env);
    if (other) throw new TypeError(`configuration keys ${other} and ${path} would both be ${env}`);
    seen.set(env, path);
  }
  return keys;
}

/** `aiGateway` and `ai-gateway` as `AI_GATEWAY`. */
export function toEnvWord(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]/g, "_")
    .toUpperCase();
}

/** True for an object with fields of its own, as opposed to a record. */
export function hasFields(schema: KeySchema): schema is KeySchema & { properties: Record<string, KeySchema> } {
  return schema.properties !== undefined;
}

/** A schema without the `null` that `.nullable()` adds, with all that was said after that. */
export function withoutNull(schema: KeySchema): KeySchema {
  const { anyOf = [], ...said } = schema;
  const [only, ...others] = anyOf.filter((branch) => branch.type !== "null");
  return only && others.length === 0 ? { ...only, ...said } : schema;
}

interface Surroundings {
  readonly isOptional: boolean;
  readonly isLive: boolean;
}

function* walk(tree: KeySchema, path: readonly string[], around: Surroundings, prefix: string): Generator<ConfigKey> {
  for (const [name, field] of Object.entries(tree.properties ?? {})) {
    const schema = withoutNull(field);
    const ownPath = [...path, name];
    const mayBeAbsent = around.isOptional || !tree.required?.includes(name);
    const isLive = around.isLive || field.live === true;
    if (hasFields(schema)) {
      // A section left out is filled with its defaults; a group that may be absent as a whole requires nothing by itself.
      const isOptional = mayBeAbsent && schema.default === undefined && path.length > 0;
      yield* walk(schema, ownPath, { isOptional, isLive }, prefix);
      continue;
    }
    const shape = shapeOf(schema);
    const env = shape === "structure" ? undefined : prefix + ownPath.map(toEnvWord).join("_");
    const isSecret = holdsSecret(schema);
    yield { path: ownPath.join("."), env, shape, schema, isRequired: !mayBeAbsent, isSecret, isLive };
  }
}

function shapeOf(schema: KeySchema): ConfigKey["shape"] {
  if (schema.type === "array") return schema.items && isScalar(schema.items) ? "list" : "structure";
  const entry = schema.additionalProperties;
  if (schema.type === "object") return typeof entry === "object" && isScalar(entry) ? "record" : "structure";
  return isScalar(schema) ? "scalar" : "structure";
}

function isScalar(schema: KeySchema): boolean {
  const branches = schema.anyOf ?? schema.oneOf;
  return branches ? branches.some(isScalar) : schema.type !== "object" && schema.type !== "array";
}

/** Whether what stands at a path inside a value of that schema may be, or hold, a secret; a path unknown to it may. */
export function holdsSecretAt(schema: KeySchema, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  const plain = withoutNull(schema);
  if (name === undefined || plain.writeOnly) return holdsSecret(plain);
  const entry = plain.properties?.[name] ?? plain.items ?? plain.additionalProperties;
  return typeof entry === "object" ? holdsSecretAt(entry, rest) : true;
}

function holdsSecret(schema: KeySchema): boolean {
  if (schema.writeOnly) return true;
  return Object.values(schema).some((part: unknown) => typeof part === "object" && part !== null && holdsSecret(part));
}
