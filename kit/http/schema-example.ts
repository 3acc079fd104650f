/** A JSON schema as zod writes it. */
export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
}

export interface ExampleOptions {
  /** What `$ref` names. */
  resolve(ref: string): JsonSchema;
  /**
   * Examples by the name of a field, or by the kind of thing that it is of and its name (`key.id`); the kind is what the
   * constant field `object` says. A name of several words is also looked for by its last one.
   */
  readonly byName: Readonly<Record<string, unknown>>;
}

const maxDepth = 12;
const byFormat: Readonly<Record<string, string>> = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00Z",
  email: "ada@example.com",
  uri: "https://example.com/",
  uuid: "0198c5f0-5d2c-7a44-9c3b-2f7d5a1e6b90",
  ipv4: "192.0.2.7",
  ipv6: "2001:db8::7",
  int64: "1",
};
/** Tried in this order where a pattern says what a text looks like. */
const texts = [
  ...[
    "example",
    "1",
    "1.50",
    "EXAMPLE",
    "123456",
    "resource:action",
    "example.com",
    "https://example.com/",
    "2026-01",
    "/",
  ],
  ...[64, 32, 16].map((length) => "0123456789abcdef".repeat(4).slice(0, length)),
];

/**
 * A value that fits the schema, the same each time: the schema's own example, one of its field's name, or what is least. Of
 * fields that may be absent it has those that the schema has an example for. Undefined for a schema that wants more than can be
 * guessed: it needs an example of its own, `.meta({ examples: […] })`.
 */
export function exampleOf(schema: JsonSchema, options: ExampleOptions, name = "", depth = 0): unknown {
  if (depth > maxDepth) return undefined;
  const { examples, $ref: ref, const: constant, enum: values, anyOf, oneOf } = schema;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if ("const" in schema) return constant;
  if (typeof ref === "string") return exampleOf(options.resolve(ref), options, name, depth + 1);
  if (Array.isArray(values)) return values[0];
  const branches = (anyOf ?? oneOf) as readonly JsonSchema[] | undefined;
  if (branches) return firstExample(branches, options, name, depth);
  const type = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  // `cost_nanos` is like all that counts nanos.
  const known = [name, name.slice(name.lastIndexOf("_") + 1)].find((one) => Object.hasOwn(options.byName, one));
  if (known !== undefined && fits(options.byName[known], { ...schema, type })) return options.byName[known];
  switch (type) {
    case "object":
      return exampleOfObject(schema, options, depth);
    case "array":
      return exampleOfArray(schema, options, name, depth);
    case "string":
      return exampleOfText({ ...schema, type });
    case "integer":
    case "number":
      return exampleOfNumber(schema);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return {};
  }
}

function firstExample(branches: readonly JsonSchema[], options: ExampleOptions, name: string, depth: number): unknown {
  const [meant, ...others] = branches.toSorted((a, b) => Number(a["type"] === "null") - Number(b["type"] === "null"));
  const example = meant && exampleOf(meant, options, name, depth + 1);
  return example === undefined && others.length > 0 ? firstExample(others, options, name, depth) : example;
}

function exampleOfObject(schema: JsonSchema, options: ExampleOptions, depth: number): unknown {
  const { properties = {}, required = [] } = schema;
  const object: Record<string, unknown> = {};
  const kind = properties["object"]?.["const"];
  // A change of anything has to change something.
  const [first] = Object.keys(properties);
  const some = required.length === 0 && first !== undefined ? [first] : required;
  for (const [field, fieldSchema] of Object.entries(properties)) {
    if (!some.includes(field) && !("examples" in fieldSchema)) continue;
    const qualified = `${kind}.${field}`;
    const value = exampleOf(fieldSchema, options, qualified in options.byName ? qualified : field, depth + 1);
    if (value !== undefined) object[field] = value;
    else if (required.includes(field)) return undefined;
  }
  return Object.keys(properties).length > 0 ? object : exampleOfMap(schema, options, depth);
}

function exampleOfMap(schema: JsonSchema, options: ExampleOptions, depth: number): unknown {
  const { propertyNames, additionalProperties } = schema as {
    propertyNames?: JsonSchema;
    additionalProperties?: unknown;
  };
  if (typeof additionalProperties !== "object" || additionalProperties === null) return {};
  const name = propertyNames ? exampleOf(propertyNames, options, "", depth + 1) : "example";
  const value = exampleOf(additionalProperties as JsonSchema, options, String(name), depth + 1);
  return value === undefined ? {} : { [String(name)]: value };
}

function exampleOfArray(schema: JsonSchema, options: ExampleOptions, name: string, depth: number): unknown {
  const { items = {}, prefixItems } = schema as { items?: JsonSchema; prefixItems?: readonly JsonSchema[] };
  if (prefixItems) return prefixItems.map((item) => exampleOf(item, options, name, depth + 1));
  const least = Number(schema["minItems"] ?? 0);
  const item = exampleOf(items, options, name.replace(/s$/, ""), depth + 1);
  if (item === undefined) return least === 0 ? [] : undefined;
  return Array.from({ length: Math.max(1, least) }, () => item);
}

function exampleOfText(schema: JsonSchema): string | undefined {
  const format = byFormat[String(schema["format"])];
  if (format !== undefined && fits(format, schema)) return format;
  const least = Number(schema["minLength"] ?? 0);
  const found = texts.find((text) => fits(text, schema));
  if (found !== undefined) return found;
  const padded = "example-".repeat(Math.ceil(Math.max(1, least) / 8)).slice(0, Math.max(1, least));
  return [padded, ""].find((text) => fits(text, schema));
}

function exampleOfNumber(schema: JsonSchema): number {
  const bound = (name: string, none: number) => Number(schema[name] ?? none);
  const low = Math.max(
    bound("minimum", Number.NEGATIVE_INFINITY),
    bound("exclusiveMinimum", Number.NEGATIVE_INFINITY) + 1,
  );
  const high = Math.min(
    bound("maximum", Number.POSITIVE_INFINITY),
    bound("exclusiveMaximum", Number.POSITIVE_INFINITY) - 1,
  );
  return Math.min(Math.max(1, low), high);
}

/** As far as a text's or number's bounds go. */
function fits(value: unknown, schema: JsonSchema): boolean {
  const { type, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (type === "string") {
    if (typeof value !== "string" || value.length < Number(minLength) || value.length > Number(maxLength)) return false;
    return typeof pattern !== "string" || new RegExp(pattern, "u").test(value);
  }
  if (type !== "integer" && type !== "number") return Array.isArray(value) ? type === "array" : typeof value === type;
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  return typeof value === "number" && value >= Number(minimum) && value <= Number(maximum);
}
