import type { GeneratedFiles } from "./generated.ts";
import { generateOpenApi } from "./open-api.ts";

const clientPath = "apps/console/api/gen/client.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly description?: string;
  readonly default?: unknown;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}
type Content = Readonly<Record<string, { readonly schema?: Schema }>>;
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** The console's client: a typed function for each operation of the OpenAPI document. What a page does not import is in no bundle. */
export async function generateConsoleClient(root: string): Promise<GeneratedFiles> {
  const [text = ""] = (await generateOpenApi(root)).texts.values();
  return { texts: new Map([[clientPath, writeClient(JSON.parse(text))]]), folders: [] };
}

/** TypeScript of the types and operations of a document. */
export function writeClient({ paths, components }: Document): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => writeOperation(method.toUpperCase(), path, operation)),
  );
  const types = Object.entries(components.schemas)
    .filter(([name]) => !/Error\d*$/.test(name))
    .map(([name, schema]) => `export type ${toTypeName(name)} = ${toType(schema)};`);
  const head = "// Generated from contracts/openapi.json by tools/console-client.ts. Do not edit.";
  return [head, 'import { operation } from "../operation.ts";', "", ...types, "", ...operations, ""].join("\n");
}

function writeOperation(method: string, path: string, operation: Operation): string {
  const { operationId, summary, parameters = [], requestBody, responses } = operation;
  const fields = ["path", "query", "header"].flatMap((place) => {
    const given = parameters.filter((one) => one.in === place);
    if (given.length === 0) return [];
    const isNeeded = given.some((one) => one.required);
    const types = given.map(
      ({ name, required, schema }) =>
        `${toKey(name)}${required ? "" : "?"}: ${toType(schema)}${required ? "" : " | undefined"}`,
    );
    return [`${place}${isNeeded ? "" : "?"}: { ${types.join("; ")} }`];
  });
  const body = typeOfContent(requestBody?.content);
  if (body) fields.push(`body: ${body}`);
  const [, success] = Object.entries(responses).find(([status]) => status.startsWith("2")) ?? [];
  const output = typeOfContent(success?.content) ?? (success?.content ? "unknown" : "undefined");
  const input = fields.length === 0 ? "Record<string, never>" : `{ ${fields.join("; ")} }`;
  const call = `operation<${input}, ${output}>("${method}", "${path}")`;
  return `/** ${summary.replaceAll("*/", "")} */\nexport const ${operationId} = /* @__PURE__ */ ${call};`;
}

/** Undefined where no JSON stands. */
function typeOfContent(content: Content = {}): string | undefined {
  const schema = content["application/json"]?.schema;
  return schema && toType(schema);
}

function toType(schema: Schema): string {
  const { $ref, anyOf, oneOf, allOf } = schema;
  if ($ref !== undefined) return toTypeName($ref.slice($ref.lastIndexOf("/") + 1));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const union = anyOf ?? oneOf;
  if (union) return [...new Set(union.map(toType))].map(inBrackets).join(" | ") || "unknown";
  if (allOf) return allOf.map(toType).map(inBrackets).join(" & ") || "unknown";
  if (Array.isArray(schema.type))
    return [...new Set(schema.type.map((type) => toType({ ...schema, type })))].join(" | ");
  return toSimpleType(schema);
}

function toSimpleType(schema: Schema): string {
  switch (schema.type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return `readonly ${inBrackets(toType(schema.items ?? {}))}[]`;
    case "object":
      return toObjectType(schema);
    default:
      return schema.properties ? toObjectType(schema) : "unknown";
  }
}

function toObjectType({ properties, required = [], additionalProperties }: Schema): string {
  if (!properties) {
    const value = typeof additionalProperties === "object" ? toType(additionalProperties) : "unknown";
    return `{ readonly [name: string]: ${value} }`;
  }
  const fields = Object.entries(properties).map(([name, schema]) => {
    const isNeeded = required.includes(name);
    return `readonly ${toKey(name)}${isNeeded ? "" : "?"}: ${toType(schema)}${isNeeded ? "" : " | undefined"}`;
  });
  // What a schema lets through besides is a vendor's own.
  const isOpen = additionalProperties !== undefined && additionalProperties !== false;
  if (isOpen) fields.push("readonly [name: string]: unknown");
  return fields.length === 0 ? "Record<string, never>" : `{ ${fields.join("; ")} }`;
}

function inBrackets(type: string): string {
  return / [|&] /.test(type) || type.startsWith("readonly ") ? `(${type})` : type;
}

function toKey(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function toTypeName(name: string): string {
  return name.replace(/[^\w$]/g, "_").replace(/^./, (first) => first.toUpperCase());
}
