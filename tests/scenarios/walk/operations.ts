import type { Route } from "@lyss/kit/http/route.ts";
import { exampleOf, type JsonSchema } from "@lyss/kit/http/schema-example.ts";
import { examplesByName } from "@lyss/services/api-gateway/open-api-examples.ts";
import { z } from "zod";
import { allRoutes } from "./walked-platform.ts";

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: JsonSchema;
  readonly example?: string;
}

/** An operation as its OpenAPI document tells it to a stranger. */
export interface Operation {
  readonly route: Route<never>;
  readonly parameters: readonly Parameter[];
  /** What the document shows as a request; undefined for one without a body. */
  readonly body: unknown;
  readonly bodySchema: JsonSchema | undefined;
}

interface Described {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
  readonly "x-failures": readonly { readonly code: string; readonly status: number }[];
}

/** The document that a running platform answers, as operations and the schemas they refer to. */
export async function readOperations(url: string) {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
  const routes = new Map(allRoutes.map((route) => [route.operation, route]));
  const resolve = (ref: string) => document.components.schemas[ref.slice("#/components/schemas/".length)] ?? {};
  const operations = Object.values(document.paths)
    .flatMap((path) => Object.values(path))
    .flatMap(({ operationId, parameters = [], requestBody }): Operation[] => {
      const route = routes.get(operationId);
      if (!route) throw new Error(`${operationId} is no route of the program`);
      const [content] = Object.values(requestBody?.content ?? {});
      const bodySchema = content && (content.schema.$ref ? resolve(String(content.schema.$ref)) : content.schema);
      const body = bodySchema && exampleOf(bodySchema, { resolve, byName: examplesByName });
      return [{ route, parameters, body, bodySchema }];
    });
  return { document, operations, resolve };
}

type Resolve = (ref: string) => JsonSchema;

/** A place inside a body, from its root. */
export type Place = readonly (string | number)[];

/** A body with every field there is, whether they go together or not: a map of what can be sent. */
export function widestBody(schema: JsonSchema, resolve: Resolve, name = "", depth = 0): unknown {
  const { properties, items, $ref: ref } = schema;
  const branches = (schema["anyOf"] ?? schema["oneOf"]) as readonly JsonSchema[] | undefined;
  if (depth < 8) {
    if (typeof ref === "string") return widestBody(resolve(ref), resolve, name, depth + 1);
    const meant = branches?.find(({ type }) => type !== "null");
    if (meant) return widestBody(meant, resolve, name, depth + 1);
    if (properties) {
      const fields = Object.entries(properties).map(([field, inner]) => [
        field,
        widestBody(inner, resolve, field, depth + 1),
      ]);
      return Object.fromEntries(fields);
    }
    if (items && schema["type"] === "array") return [widestBody(items, resolve, name, depth + 1)];
  }
  return exampleOf(schema, { resolve, byName: examplesByName }, name);
}

/** Every place in a value that holds what `isWanted` says. */
export function findPlaces(value: unknown, isWanted: (value: unknown) => boolean, at: Place = []): readonly Place[] {
  const own = isWanted(value) ? [at] : [];
  if (typeof value !== "object" || value === null) return own;
  const inner = Object.entries(value).flatMap(([name, child]) =>
    findPlaces(child, isWanted, [...at, Array.isArray(value) ? Number(name) : name]),
  );
  return [...own, ...inner];
}

export function valueAt(value: unknown, place: Place): unknown {
  return place.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], value);
}

/** A copy of `body` with something else at a place; what is missing on the way there is as in `widest`. */
export function withValueAt(body: unknown, place: Place, value: unknown, widest: unknown): unknown {
  const [name, ...rest] = place;
  if (name === undefined) return value;
  const known = (body ?? widest) as Record<string, unknown>;
  const inner = withValueAt(known?.[name], rest, value, (widest as Record<string, unknown> | undefined)?.[name]);
  if (Array.isArray(known)) return known.map((item, index) => (index === name ? inner : item));
  return { ...known, [name]: inner };
}

/** A request's target, with what is given in the place of some parameters and what the document shows for the others. */
export function targetOf({ route, parameters }: Operation, given: Readonly<Record<string, string>> = {}): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const known = given[name] ?? parameters.find((one) => one.name === name)?.example ?? "x1";
    return encodeURIComponent(known);
  });
  const query = parameters
    .filter((one) => one.in === "query")
    .flatMap(({ name, example }) => {
      const value = given[name] ?? example;
      return value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`];
    });
  return query.length === 0 ? path : `${path}?${query.join("&")}`;
}

/** True where a protocol demands that parameters which are not known are ignored (RFC 6749, 3.1). */
export function ignoresUnknown(route: Route<never>): boolean {
  if (route.kind === "raw") return true;
  return [route.query, route.body].some((schema) => {
    const inner = schema instanceof z.ZodDefault ? schema.unwrap() : schema;
    return inner instanceof z.ZodRecord || (inner instanceof z.ZodObject && inner.def.catchall instanceof z.ZodUnknown);
  });
}
