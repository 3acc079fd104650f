import { createOpenApiDocument } from "@lyss/kit/http/openapi.ts";
import type { Route } from "@lyss/kit/http/route.ts";
import { requestSchemasOf } from "@lyss/kit/http/route-schemas.ts";
import type { AnyService } from "@lyss/kit/service/define-service.ts";
import { openApi } from "@lyss/services/api-gateway/open-api.ts";
import type { z } from "zod";
import type { GeneratedFiles } from "./generated.ts";
import type { Problem } from "./source-tree.ts";
import { loadServices } from "./topology.ts";

const documentPath = "contracts/openapi.json";

/** The OpenAPI document of every route, as one process that hosts all services would answer it. */
export async function generateOpenApi(root: string): Promise<GeneratedFiles> {
  const document = describe(await loadServices(root));
  return { texts: new Map([[documentPath, `${JSON.stringify(document, undefined, 2)}\n`]]), folders: [] };
}

function describe(services: readonly Pick<AnyService, "name" | "routes">[]) {
  const mounted = services.map(({ name, routes }) => ({ name, routes, ops: undefined, peerUrl: undefined }));
  return createOpenApiDocument(mounted, openApi);
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>;
}
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: unknown }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly examples?: readonly unknown[] }>> };
}

/**
 * Operations of these services that the document shows no request, answer or errors of, or whose examples their own schemas
 * refuse. An example that cannot be guessed stands at its field: `.meta({ examples: ["…"] })`.
 */
export function findExampleProblems(services: readonly Pick<AnyService, "name" | "routes">[]): readonly Problem[] {
  const document = describe(services) as unknown as Document;
  return services.flatMap(({ name, routes }) =>
    routes.flatMap((route) =>
      listExampleProblems(document, route).map((message) => ({
        path: `services/${name}/service.ts`,
        line: 0,
        message: `${route.operation}: ${message}`,
      })),
    ),
  );
}

function listExampleProblems(document: Document, route: Route<never>): readonly string[] {
  const operation = document.paths[route.path]?.[route.method.toLowerCase()];
  if (!operation) return ["is not in the OpenAPI document"];
  const problems: string[] = [];
  const check = (what: string, schema: z.ZodType, example: unknown) => {
    if (example === undefined) {
      problems.push(`its ${what} has no example; give the fields that need one .meta({ examples: ["…"] })`);
      return;
    }
    const [issue] = schema.safeParse(example).error?.issues ?? [];
    if (!issue) return;
    const where = [what, ...issue.path].join(".");
    problems.push(`the example of its ${where} does not fit (${issue.message}); give it .meta({ examples: ["…"] })`);
  };
  const exampleIn = ({ content = {} }: Content) => {
    const [ref = ""] = Object.values(content).map(({ schema }) => schema.$ref);
    return document.components.schemas[ref.slice("#/components/schemas/".length)]?.examples?.[0];
  };

  if (route.kind === "json") {
    const { params, query } = requestSchemasOf(route);
    for (const [place, schema] of [["path", params] as const, ["query", query] as const]) {
      const given = (operation.parameters ?? []).filter((one) => one.in === place && one.example !== undefined);
      check(place, schema, Object.fromEntries(given.map(({ name, example }) => [name, example])));
    }
  }
  if (route.body) check("body", route.body, exampleIn(operation.requestBody ?? {}));
  const [success = "200"] = Object.keys(operation.responses).filter((status) => status.startsWith("2"));
  if (route.response && success !== "204")
    check("answer", route.response, exampleIn(operation.responses[success] ?? {}));
  const errors = Object.entries(operation.responses).filter(([status]) => /^[45]/.test(status));
  if (errors.length === 0) problems.push("it lists no errors");
  for (const [status, answer] of errors) {
    if (exampleIn(answer) === undefined) problems.push(`its answer ${status} has no example`);
  }
  return problems;
}
