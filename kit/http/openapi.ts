import { z } from "zod";
import { type FailureType, listFailureTypes } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import type { MountedService } from "../service/define-service.ts";
import { errorShapeOf } from "./openapi-errors.ts";
import { isConditional, type Route } from "./route.ts";
import { paramNamesOf, refuseTwins, requestSchemasOf } from "./route-schemas.ts";
import { exampleOf } from "./schema-example.ts";

type Json = Readonly<Record<string, unknown>>;
type Io = "input" | "output";

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  /** How callers may show who they are; by default `Authorization: Bearer`. Any one of them is enough. */
  readonly securitySchemes?: Readonly<Record<string, Json>>;
  /** Examples by the name of a field, for schemas that have none of their own (see `exampleOf`). */
  readonly examples?: Readonly<Record<string, unknown>>;
}

const ifMatch: Json = {
  name: "If-Match",
  in: "header",
  required: false,
  description: "The ETag of an earlier answer: the change happens only if that is still the version.",
  schema: { type: "string" },
};

/**
 * The OpenAPI 3.1 document of all routes. The same routes give the same document, byte for byte, in whatever order the
 * services are mounted. Throws a TypeError when two routes share an operation's name or a method and path.
 */
export function createOpenApiDocument(services: readonly MountedService[], options: OpenApiOptions): Json {
  const components = createComponents(options.examples ?? {});
  const operations = services
    .flatMap(({ name, routes }) => routes.map((route) => ({ service: name, route })))
    .sort((a, b) => compare(a.route.path, b.route.path) || compare(a.route.method, b.route.method));
  const paths: Record<string, Record<string, Json>> = {};
  refuseTwins(services);
  for (const { service, route } of operations) {
    paths[route.path] ??= {};
    const path = paths[route.path] as Record<string, Json>;
    path[route.method.toLowerCase()] = describeOperation(service, route, components);
  }
  const securitySchemes = options.securitySchemes ?? { bearer: { type: "http", scheme: "bearer" } };
  return {
    openapi: "3.1.0",
    info: { title: options.title, version: options.version },
    security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })),
    tags: [...new Set(operations.map(({ service }) => service))].sort(compare).map((name) => ({ name })),
    paths,
    components: { securitySchemes, schemas: components.schemas() },
    "x-failures": listFailureTypes().map(describeFailure),
  };
}

function describeOperation(service: string, route: Route<never>, components: Components): Json {
  const base = {
    operationId: route.operation,
    summary: route.summary,
    tags: [service],
    ...(route.permission === "public" ? { security: [] } : { "x-permission": route.permission }),
    ...(route.kind === "json" && route.stepUp && { "x-step-up": route.stepUp }),
  };
  const name = route.operation.charAt(0).toUpperCase() + route.operation.slice(1);
  if (route.kind === "raw") {
    const body = route.body && requestBody(components.refer(route.body, `${name}Body`, "input"), [], route.bodyType);
    const success = route.response && components.refer(route.response, `${name}Response`, "output");
    const inPath = z.strictObject(Object.fromEntries(paramNamesOf(route.path).map((name) => [name, z.string()])));
    const parameters = [
      ...parametersIn("path", inPath, components, route.path),
      ...(route.query ? parametersIn("query", route.query, components, route.path) : []),
      ...(route.takesIdempotencyKey ? [idempotencyKeyParameter] : []),
      ...Object.entries(route.headers ?? {}).map(toHeaderParameter),
    ];
    const answers = route.isWebSocket
      ? { 101: answer("A WebSocket") }
      : { 200: withFiles(answer("Success", success), route.files) };
    return {
      ...base,
      ...(parameters.length > 0 && { parameters }),
      ...body,
      responses: { ...answers, ...errorAnswers(route, components) },
    };
  }
  const schemas = requestSchemasOf(route);
  const parameters = [
    ...parametersIn("path", schemas.params, components, route.path),
    ...parametersIn("query", schemas.query, components, route.path),
    ...(route.takesIdempotencyKey ? [idempotencyKeyParameter] : []),
    ...(isConditional(route) ? [ifMatch] : []),
  ];
  const status = route.successStatus ?? 200;
  const success = status === 204 ? undefined : components.refer(route.response, `${name}Response`, "output");
  return {
    ...base,
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && requestBody(components.refer(route.body, `${name}Body`, "input"), route.bodyFormats)),
    responses: { [status]: withFiles(answer("Success", success), route.files), ...errorAnswers(route, components) },
  };
}

/** The answer that may also be a file of one of these types. */
function withFiles(found: Json, files: readonly string[] = []): Json {
  const types = files.map((type) => [type, { schema: { type: "string", format: "binary" } }]);
  return files.length === 0
    ? found
    : { ...found, content: { ...(found["content"] as Json), ...Object.fromEntries(types) } };
}

const idempotencyKeyParameter: Json = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "Tells a repeat from a new request: within 24 h the same key and request get the first one's answer.",
  schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x21-\\x7e]+$" },
};

function toHeaderParameter([name, description]: readonly [string, string]): Json {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

function parametersIn(place: "path" | "query", schema: z.ZodType, { exampleOf }: Components, path: string): Json[] {
  const { properties = {}, required = [] } = toJsonSchema(schema, "input");
  return Object.entries(properties).map(([name, field]) => {
    const { description, ...rest } = field as Record<string, unknown>;
    const isRequired = place === "path" || required.includes(name);
    // `/v1/keys/{id}` takes the id of a key.
    const [, kind = ""] = new RegExp(`/(\\w+?)s?/\\{${name}\\}`).exec(path) ?? [];
    const example = isRequired ? exampleOf(rest, [`${kind}.${name}`, name]) : undefined;
    return {
      ...{ name, in: place, required: isRequired },
      ...(description !== undefined && { description }),
      schema: rest,
      ...(example !== undefined && { example }),
    };
  });
}

function requestBody(schema: Json, formats: readonly string[] = [], usualType = "application/json"): Json {
  const types = [usualType, ...formats].map((type) => [type, { schema }]);
  return { requestBody: { required: true, content: Object.fromEntries(types) } };
}

function answer(description: string, schema?: Json, mediaType = "application/json"): Json {
  return { description, ...(schema && { content: { [mediaType]: { schema } } }) };
}

/** One answer per status, which names the failures behind it, in the shape that the route's callers understand. */
function errorAnswers(route: Route<never>, components: Components): Json {
  const failures: FailureType[] = [kitFailures.internal, kitFailures.unavailable];
  if (route.permission !== "public") failures.push(kitFailures.unauthenticated);
  if (route.permission.includes(":")) failures.push(kitFailures.permission_denied);
  if (route.kind === "json") failures.push(kitFailures.invalid_request, ...(route.failures ?? []));
  if (route.kind === "json" && route.stepUp) failures.push(kitFailures.step_up_required);
  if (route.kind === "json" && route.stepUp === "persons") failures.push(kitFailures.person_required);
  if (route.kind === "json" && route.takesIdempotencyKey) {
    failures.push(kitFailures.idempotency_conflict, kitFailures.idempotency_in_flight);
  }
  if (route.method !== "GET") failures.push(kitFailures.body_too_large, kitFailures.unsupported_media_type);
  const byStatus = Map.groupBy(new Set(failures), (failure) => String(failure.httpStatus));
  const shape = errorShapeOf(route);
  const schema = components.add(shape.name, shape.schema);
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => compare(a, b))
      .map(([status, types]) => [
        status,
        answer(types.map(sentenceOf).sort(compare).join("\n\n"), schema, shape.mediaType),
      ]),
  );
}

function sentenceOf(type: FailureType): string {
  return `${type.publicCode}: ${type.text.en_US}`;
}

function describeFailure(type: FailureType): Json {
  return {
    code: type.publicCode,
    name: type.code,
    status: type.httpStatus,
    retryable: type.isRetryable,
    text: { en_US: type.text.en_US, zh_CN: type.text.zh_CN },
  };
}

interface Components {
  /** A reference to the schema under `name`, or under the name by which it is known already. It gets an example. */
  refer(schema: z.ZodType, name: string, io: Io): Json;
  /** A reference to a schema that is written already. */
  add(name: string, schema: Json): Json;
  /** A value for the first of the names that an example is known by. */
  exampleOf(schema: Json, names: readonly string[]): unknown;
  schemas(): Json;
}

const place = "#/components/schemas/";

function createComponents(byName: Readonly<Record<string, unknown>>): Components {
  const names = { input: new Map<z.ZodType, string>(), output: new Map<z.ZodType, string>() };
  const schemas: Record<string, Json> = {};
  const options = { resolve: (ref: string) => schemas[ref.slice(place.length)] ?? {}, byName };

  function define(name: string, schema: z.ZodType, io: Io): void {
    const { $defs, $schema: _dialect, ...rest } = toJsonSchema(schema, io);
    Object.assign(schemas, repoint({ [name]: rest }, name));
    for (const [key, value] of Object.entries($defs ?? {})) {
      Object.assign(schemas, repoint({ [`${name}_${key}`]: value }, name));
    }
    const example = exampleOf(schemas[name] ?? {}, options);
    if (example !== undefined) schemas[name] = { ...schemas[name], examples: [example] };
  }

  return {
    refer(schema, name, io) {
      const known = names[io].get(schema) ?? name;
      if (!names[io].has(schema)) {
        names[io].set(schema, known);
        define(known, schema, io);
      }
      return { $ref: place + known };
    },
    add(name, schema) {
      schemas[name] = schema;
      return { $ref: place + name };
    },
    exampleOf: (schema, wanted) => exampleOf(schema, options, wanted.find((name) => name in byName) ?? wanted.at(-1)),
    schemas: () => Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => compare(a, b))),
  };
}

/** A recursive schema refers to its own root; within the document that root is a component. */
function repoint(schemas: Json, name: string): Json {
  return JSON.parse(JSON.stringify(schemas), (key, value) => {
    if (key !== "$ref" || typeof value !== "string" || !value.startsWith("#")) return value;
    return value === "#" ? place + name : value.replace("#/$defs/", `${place}${name}_`);
  }) as Json;
}

function toJsonSchema(schema: z.ZodType, io: Io): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, {
    io,
    unrepresentable: ({ zodSchema }) =>
      zodSchema._zod.def.type === "bigint" ? { type: "integer", format: "int64" } : "any",
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
