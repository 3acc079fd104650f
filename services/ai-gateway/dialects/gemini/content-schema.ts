import { fieldOf } from "../openai/usage.ts";

/** Names that hold schemas: one, several, or several by name. */
const one = new Set(["items", "additionalProperties", "not"]);
const several = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const byName = new Set(["properties", "$defs"]);
/** Google's own, which say nothing of what is valid. */
const left = new Set(["nullable", "propertyOrdering", "example"]);
const maxDepth = 32;

/**
 * Google's `Schema`, a part of OpenAPI's, as JSON Schema: types in lower case, `nullable` as a type (ai.google.dev/api/caching#Schema).
 * What is no object, or lies deeper than 32 levels, stays as it is.
 */
export function toJsonSchema(schema: unknown, depth = 0): unknown {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema) || depth > maxDepth) return schema;
  const entries = Object.entries(schema).flatMap(([name, value]): [string, unknown][] => {
    if (left.has(name)) return [];
    if (name === "type") return [[name, toType(value, fieldOf(schema, "nullable") === true)]];
    if (one.has(name)) return [[name, toJsonSchema(value, depth + 1)]];
    if (several.has(name) && Array.isArray(value)) return [[name, value.map((item) => toJsonSchema(item, depth + 1))]];
    if (byName.has(name) && typeof value === "object" && value !== null) {
      return [
        [name, Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJsonSchema(item, depth + 1)]))],
      ];
    }
    // Counts are written as texts there: 64 bits in ProtoJSON.
    return [[name, /^(min|max)/.test(name) && typeof value === "string" ? Number(value) : value]];
  });
  return Object.fromEntries(entries);
}

function toType(value: unknown, isNullable: boolean): unknown {
  const type = typeof value === "string" ? value.toLowerCase() : value;
  return isNullable && typeof type === "string" ? [type, "null"] : type;
}
