import { badRequest } from "./wire-error.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Where in the value we are. */
interface Place {
  readonly name: string;
  /** Counts the items of an array, so that they differ. */
  readonly variant: number;
  readonly depth: number;
  /** `$ref`s followed on the way here; recursive schemas are left as soon as they allow it. */
  readonly refs: number;
}

const depthLimit = 64;
const nodeLimit = 10_000;
const generousRefs = 3;
const refsLimit = 10;

/** A value cannot be made to fit these, so schemas that use them are refused. */
const unsupported = [
  "not",
  "if",
  "patternProperties",
  "propertyNames",
  "contains",
  "minProperties",
  "dependentSchemas",
];

/** One value being made. */
interface Walk {
  readonly root: unknown;
  readonly param: string;
  nodes: number;
}

/**
 * A value that fits a JSON Schema (2020-12, the parts that structured outputs and tools use; the first fitting branch of
 * `anyOf` and `oneOf`). The same schema gives the same value. Throws a WireError 400 naming `param` when the schema uses
 * `pattern` without an example, another keyword that is not supported, or is too large, or when nothing fits.
 */
export function valueForSchema(schema: unknown, param: string): unknown {
  const walk: Walk = { root: schema, param, nodes: 0 };
  const value = make(walk, schema, { name: "value", variant: 0, depth: 0, refs: 0 });
  return value === undefined ? refuse(walk, "find no value that fits") : value;
}

function refuse(walk: Walk, reason: string): never {
  throw badRequest(walk.param, `Invalid schema: simulated models ${reason}.`, "unsupported_schema");
}

/** A value for one schema, or undefined when nothing fits it. */
function make(walk: Walk, schema: unknown, place: Place): unknown {
  if (schema === false) return undefined;
  const rules = toSchema(schema);
  if (++walk.nodes > nodeLimit || place.depth > depthLimit) refuse(walk, "make no value as large as this one asks for");
  if (Array.isArray(rules.enum) && rules.enum.length === 0) return undefined;
  const given = findGiven(rules, place.variant);
  if (given !== undefined) return given;
  for (const keyword of unsupported) if (keyword in rules) refuse(walk, `do not support '${keyword}'`);
  if (typeof rules.$ref === "string") return makeAll(walk, [rules], place);
  if (Array.isArray(rules.allOf)) return makeAll(walk, [{ ...rules, allOf: undefined }, ...rules.allOf], place);
  const branches = rules.anyOf ?? rules.oneOf;
  if (Array.isArray(branches)) return makeBranch(walk, rules, branches, place);
  const type = typeOf(rules, place.refs);
  if (type === "object") return makeObject(walk, rules, place);
  if (type === "array") return makeArray(walk, rules, place);
  if (type === "string" && rules.pattern !== undefined) refuse(walk, "need an example where there is a 'pattern'");
  return makeScalar(type, rules, place);
}

/** A value for what all the schemas ask for together, with the `$ref` of each followed once. */
function makeAll(walk: Walk, schemas: readonly unknown[], place: Place): unknown {
  const refs = place.refs + (schemas.some((part) => "$ref" in toSchema(part)) ? 1 : 0);
  if (refs > refsLimit || schemas.includes(false)) return undefined;
  const merged: Record<string, unknown> = {};
  for (const part of schemas.flatMap((own) => follow(walk, toSchema(own)))) {
    const properties = { ...toSchema(merged.properties), ...toSchema(part.properties) };
    const required = [merged.required, part.required].flatMap((names) => (Array.isArray(names) ? names : []));
    Object.assign(merged, part, { required }, Object.keys(properties).length > 0 && { properties });
  }
  return make(walk, merged, { ...place, depth: place.depth + 1, refs });
}

function follow(walk: Walk, part: Schema): Schema[] {
  if (typeof part.$ref !== "string") return [part];
  const target = findReferenced(walk.root, part.$ref) ?? refuse(walk, `cannot find '${part.$ref}'`);
  const { $ref: _, ...rest } = part;
  return [toSchema(target), rest];
}

function makeBranch(walk: Walk, rules: Schema, branches: readonly unknown[], place: Place): unknown {
  const { anyOf: _, oneOf: __, ...rest } = rules;
  const simpleFirst = branches.toSorted((a, b) => Number(isNested(a)) - Number(isNested(b)));
  for (const branch of place.refs > generousRefs ? simpleFirst : branches) {
    const value = makeAll(walk, [rest, branch], place);
    if (value !== undefined) return value;
  }
  return undefined;
}

function makeObject(walk: Walk, rules: Schema, place: Place): unknown {
  const properties = toSchema(rules.properties);
  const required = new Set(Array.isArray(rules.required) ? rules.required.map(String) : []);
  const pairs: [string, unknown][] = [];
  for (const name of new Set([...Object.keys(properties), ...required])) {
    if (!required.has(name) && place.refs > generousRefs) continue;
    const own = Object.hasOwn(properties, name) ? properties[name] : {};
    const value = make(walk, own, { ...place, name, depth: place.depth + 1 });
    if (value !== undefined) pairs.push([name, value]);
    else if (required.has(name)) return undefined;
  }
  return Object.fromEntries(pairs);
}

function makeArray(walk: Walk, rules: Schema, place: Place): unknown {
  const first = Array.isArray(rules.prefixItems) ? rules.prefixItems : [];
  const min = numberOf(rules.minItems) ?? 0;
  const max = numberOf(rules.maxItems) ?? Number.POSITIVE_INFINITY;
  const wanted = place.refs > generousRefs ? min : Math.min(max, Math.max(min, 1, first.length));
  const items: unknown[] = [];
  while (items.length < wanted) {
    const own = items.length < first.length ? first[items.length] : (rules.items ?? {});
    const value = make(walk, own, { ...place, variant: items.length, depth: place.depth + 1 });
    if (value === undefined) return items.length < min ? undefined : items;
    items.push(value);
  }
  return min > max ? undefined : items;
}

function toSchema(value: unknown): Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** A value that the schema's author wrote down. */
function findGiven(rules: Schema, variant: number): unknown {
  if ("const" in rules) return rules.const;
  if (Array.isArray(rules.enum)) return rules.enum[variant % rules.enum.length];
  if ("default" in rules) return rules.default;
  return Array.isArray(rules.examples) ? rules.examples[variant % rules.examples.length] : undefined;
}

function findReferenced(root: unknown, pointer: string): unknown {
  if (!pointer.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const holder = toSchema(found);
    found = Object.hasOwn(holder, key) ? holder[key] : undefined;
  }
  return found;
}

function isNested(schema: unknown): boolean {
  const { $ref: ref, type, properties, items } = toSchema(schema);
  return ref !== undefined || properties !== undefined || items !== undefined || type === "object" || type === "array";
}

function typeOf(rules: Schema, refs: number): string {
  if (Array.isArray(rules.type)) {
    if (refs > generousRefs && rules.type.includes("null")) return "null";
    return String(rules.type.find((type) => type !== "null") ?? "null");
  }
  if (typeof rules.type === "string") return rules.type;
  if (rules.properties || (Array.isArray(rules.required) && rules.required.length > 0)) return "object";
  if (rules.items ?? rules.prefixItems) return "array";
  return [rules.minimum, rules.maximum, rules.multipleOf].some((bound) => bound !== undefined) ? "number" : "string";
}

function makeScalar(type: string, rules: Schema, place: Place): unknown {
  switch (type) {
    case "boolean":
      return place.variant % 2 === 0;
    case "null":
      return null;
    case "integer":
    case "number":
      return makeNumber(rules, place.variant, type === "integer");
    default:
      return makeString(rules, place);
  }
}

function makeNumber(rules: Schema, variant: number, isInteger: boolean): number | undefined {
  const step = numberOf(rules.multipleOf) ?? 1;
  const low = Math.max(numberOf(rules.minimum) ?? -Infinity, numberOf(rules.exclusiveMinimum) ?? -Infinity);
  const high = Math.min(numberOf(rules.maximum) ?? Infinity, numberOf(rules.exclusiveMaximum) ?? Infinity);
  const fits = (value: number) =>
    value >= low &&
    value <= high &&
    value !== rules.exclusiveMinimum &&
    value !== rules.exclusiveMaximum &&
    (!isInteger || Number.isInteger(value));
  const start = low > -Infinity ? Math.ceil(low / step) : Math.min(1, Math.floor(high / step));
  const onGrid = [variant, 0, 1, -1].map((offset) => Number(((start + offset) * step).toPrecision(15)));
  const between = isInteger || rules.multipleOf !== undefined ? [] : [(low + high) / 2];
  return [...onGrid, ...between].find(fits);
}

const formats: Readonly<Record<string, (variant: number) => string>> = {
  "date-time": (variant) => `2026-01-01T00:00:${String(variant % 60).padStart(2, "0")}Z`,
  date: (variant) => `2026-01-${String((variant % 28) + 1).padStart(2, "0")}`,
  time: (variant) => `00:00:${String(variant % 60).padStart(2, "0")}Z`,
  duration: (variant) => `PT${variant + 1}M`,
  email: (variant) => `simulated${variant + 1}@example.com`,
  hostname: (variant) => `simulated${variant + 1}.example.com`,
  ipv4: (variant) => `192.0.2.${(variant % 254) + 1}`,
  ipv6: (variant) => `2001:db8::${(variant + 1).toString(16)}`,
  uri: (variant) => `https://example.com/simulated/${variant + 1}`,
  uuid: (variant) => `00000000-0000-4000-8000-${String(variant + 1).padStart(12, "0")}`,
};

function makeString(rules: Schema, place: Place): string | undefined {
  const makeFormatted = typeof rules.format === "string" ? formats[rules.format] : undefined;
  if (makeFormatted) return makeFormatted(place.variant);
  const min = numberOf(rules.minLength) ?? 0;
  const max = numberOf(rules.maxLength) ?? Number.POSITIVE_INFINITY;
  if (min > max || min > 1_000_000) return undefined;
  const suffix = place.variant === 0 ? "" : ` ${place.variant + 1}`;
  const base = [...`simulated ${place.name}`].slice(0, Math.max(0, max - suffix.length)).join("");
  const padding = ".".repeat(Math.max(0, min - [...base].length - suffix.length));
  return `${base}${padding}${suffix}`.slice(max < suffix.length ? -max : 0);
}
