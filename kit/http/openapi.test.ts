import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { MountedService } from "../service/define-service.ts";
import { testRoutes } from "./http-test-routes.ts";
import { startTestServer } from "./http-test-server.ts";
import { createOpenApiDocument } from "./openapi.ts";
import { type Route, routesFor } from "./route.ts";

const options = { title: "test", version: "1" };
const { json } = routesFor<undefined>();
const mount = (name: string, routes: readonly Route<never>[]): MountedService => {
  return { name, routes, ops: undefined, peerUrl: undefined };
};

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly responses: Readonly<Record<string, { description: string; content?: object }>>;
  readonly security?: readonly unknown[];
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}
const tree: z.ZodType<Tree> = z.strictObject({ name: z.string(), children: z.lazy(() => z.array(tree)) });
const treeRoute = json({
  method: "POST",
  path: "/v1/trees",
  permission: "public",
  operation: "growTree",
  summary: "Grows.",
  body: tree,
  response: z.strictObject({ tree, count: z.string() }),
  handle: () => ({ tree: { name: "", children: [] }, count: "0" }),
});

test("the document describes every route, its parameters, permission and failures", () => {
  const document = createOpenApiDocument([mount("thing", testRoutes)], options) as unknown as Document;
  assert.equal(document.openapi, "3.1.0");
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  assert.deepEqual(operations.map(({ operationId }) => operationId).sort(), testRoutes.map((r) => r.operation).sort());
  const list = document.paths["/v1/things"]?.["get"];
  assert.deepEqual(list?.parameters[0], {
    name: "limit",
    in: "query",
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 10, default: 5 },
  });
  assert.deepEqual(document.paths["/v1/things/{id}:rotate"]?.["post"]?.parameters[0]?.required, true);
  const create = document.paths["/v1/things"]?.["post"];
  assert.deepEqual(Object.keys(create?.responses ?? {}), [
    "201",
    "400",
    "401",
    "402",
    "403",
    "413",
    "415",
    "500",
    "503",
  ]);
  assert.match(create?.responses["402"]?.description ?? "", /^HTTPTEST_001: /);
  assert.deepEqual(document.paths["/v1/open"]?.["get"]?.security, []);
  assert.equal(document.paths["/v1/things/{thing_id}"]?.["delete"]?.responses["204"]?.content, undefined);
});

test("the document is the same byte for byte in whatever order services are mounted", () => {
  const services = [mount("thing", testRoutes), mount("tree", [treeRoute])];
  const shuffled = [mount("tree", [treeRoute]), mount("thing", testRoutes.toReversed())];
  assert.equal(
    JSON.stringify(createOpenApiDocument(services, options)),
    JSON.stringify(createOpenApiDocument(shuffled, options)),
  );
});

test("every reference in the document leads somewhere, recursive schemas included", () => {
  const document = createOpenApiDocument([mount("tree", [treeRoute])], options) as unknown as Document;
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  assert.ok(references.length > 3);
  for (const [, name = ""] of references) assert.ok(document.components.schemas[name], name);
  assert.ok(!JSON.stringify(document).includes("$defs"));
});

test("the document is answered at /openapi.json to everyone", async () => {
  const server = await startTestServer({ mounted: [mount("thing", testRoutes)] });
  const response = await fetch(`${server.url}/openapi.json`);
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  assert.deepEqual(await response.json(), JSON.parse(JSON.stringify(server.handler.openApiDocument())));
  await server.close();
});

test("routes that contradict themselves or each other are refused when the handler is made", async () => {
  const base = {
    method: "POST",
    path: "/v1/a",
    permission: "public",
    operation: "a",
    summary: "",
    response: z.null(),
  } as const;
  const handle = () => null;
  const mistakes: readonly [readonly Route<never>[], RegExp][] = [
    [[json({ ...base, handle, body: z.object({ a: z.string() }) })], /a: body must be z\.strictObject/],
    [
      [json({ ...base, handle, body: z.strictObject({ a: z.array(z.object({})) }) })],
      /a: body\.properties\.a\.items must be/,
    ],
    [[json({ ...base, handle, path: "/v1/{id}", params: z.strictObject({ key: z.string() }) })], /exactly id/],
    [[json({ ...base, handle, query: z.strictObject({ on: z.coerce.boolean() }) })], /query\.on must be z\.stringbool/],
    [[json({ ...base, handle, path: "/v1/A" })], /must be lower-case segments/],
    [[json({ ...base, handle }), json({ ...base, handle, path: "/v1/b" })], /two routes are called a/],
    [[json({ ...base, handle }), json({ ...base, handle, operation: "b" })], /two routes stand at POST \/v1\/a/],
  ];
  for (const [routes, message] of mistakes) {
    await assert.rejects(startTestServer({ mounted: [mount("thing", routes)] }), message);
  }
});
