import { z } from "zod";
import type { MountedService } from "../service/define-service.ts";
import type { JsonRoute } from "./route.ts";

/** The schemas by which a JSON route's request is read, complete: what a route does not declare must be absent. */
export interface RequestSchemas {
  readonly body: z.ZodType;
  readonly query: z.ZodType;
  readonly params: z.ZodType;
  /** Query fields that may be given several times. */
  readonly listFields: ReadonlySet<string>;
}

const nothing = z.strictObject({});
// Words like `Users` are what a standard names its resources by (RFC 7644).
const templatePattern = /^(?:\/(?:[a-z0-9._~-]+|(?:[A-Z][a-z]+)+|\{\w+\}))+(?::[a-zA-Z][a-zA-Z-]*)?$/;

/** Names of the `{parameters}` of a path template. Throws a TypeError for a template that could match ambiguously. */
export function paramNamesOf(template: string): readonly string[] {
  if (!templatePattern.test(template)) {
    throw new TypeError(`${template} must be lower-case segments or {names}, with a :verb at most at the end`);
  }
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
}

/** Throws a TypeError when two routes share an operation's name, or a method and path. */
export function refuseTwins(services: readonly Pick<MountedService, "routes">[]): void {
  const seen = new Set<string>();
  for (const { operation, method, path } of services.flatMap(({ routes }) => routes)) {
    if (seen.has(operation)) throw new TypeError(`two routes are called ${operation}`);
    if (seen.has(`${method} ${path}`)) throw new TypeError(`two routes stand at ${method} ${path}`);
    seen.add(operation).add(`${method} ${path}`);
  }
}

/**
 * The schemas of a route. Throws a TypeError for a mistake in the route: an object in body or query that would drop
 * unknown fields silently, parameters that do not fit the path, a boolean in the query that `"false"` would make true.
 */
export function requestSchemasOf(route: JsonRoute<never>): RequestSchemas {
  const names = paramNamesOf(route.path);
  const { query = nothing, body = nothing.optional() } = route;
  const params =
    route.params ?? z.strictObject(Object.fromEntries(names.map((name) => [name, z.string().min(1).max(256)])));
  const querySchema = toInputSchema(query);
  const queryFields = Object.entries(querySchema.properties ?? {}) as [string, JsonSchema][];
  for (const [part, schema] of [
    ["body", toInputSchema(body)],
    ["query", querySchema],
  ] as const) {
    checkStrict(schema, `${route.operation}: ${part}`);
  }
  const declared = Object.keys(toInputSchema(params).properties ?? {});
  if ([...declared].sort().join() !== [...names].sort().join()) {
    throw new TypeError(`${route.operation}: params must declare exactly ${names.join(", ") || "nothing"}`);
  }
  const unsafe = queryFields.find(([, field]) => field.type === "boolean")?.[0];
  if (unsafe) throw new TypeError(`${route.operation}: query.${unsafe} must be z.stringbool(), for every text is true`);
  const listFields = new Set(queryFields.filter(([, field]) => field.type === "array").map(([name]) => name));
  return { body, query, params, listFields };
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

function toInputSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
}

function checkStrict(schema: unknown, where: string): void {
  if (typeof schema !== "object" || schema === null) return;
  if ("properties" in schema && !("additionalProperties" in schema)) {
    throw new TypeError(`${where} must be z.strictObject: unknown fields are refused, not dropped`);
  }
  for (const [key, value] of Object.entries(schema)) {
    if (key !== "default" && key !== "examples" && key !== "enum" && key !== "const")
      checkStrict(value, `${where}.${key}`);
  }
}
