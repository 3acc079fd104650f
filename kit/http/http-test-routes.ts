import { z } from "zod";
import { defineFailures, Failure } from "../errors/failure.ts";
import { currentContext } from "../rpc/call-context.ts";
import { routesFor } from "./route.ts";

const failures = defineFailures("http_test", {
  insufficient: {
    kind: "resource_exhausted",
    publicCode: "HTTPTEST_001",
    httpStatus: 402,
    text: { en_US: "Insufficient balance: {available} left", zh_CN: "余额不足：剩余 {available}" },
  },
});

/** What the handlers below keep of what they were given. */
export interface TestOps {
  readonly seen: unknown[];
}
const { json, raw } = routesFor<TestOps>();
const thing = z.strictObject({ id: z.string(), name: z.string() });

/** Routes of every kind, for tests of the handler. */
export const testRoutes = [
  json({
    method: "GET",
    path: "/v1/things/{id}",
    permission: "things:read",
    operation: "getThing",
    summary: "One thing.",
    response: thing,
    handle: (_ops, { params }) => ({ id: String((params as { id: string }).id), name: "n" }),
  }),
  json({
    method: "POST",
    path: "/v1/things",
    permission: "things:write",
    operation: "createThing",
    summary: "Makes a thing.",
    body: z.strictObject({
      name: z.string().min(1).max(8),
      tags: z.array(z.string()).max(3).optional(),
      extra: z.record(z.string(), z.unknown()).optional(),
    }),
    successStatus: 201,
    response: thing,
    failures: [failures.insufficient],
    handle: (ops, { body }) => {
      ops.seen.push(body);
      return { id: "thing_1", name: body.name };
    },
  }),
  json({
    method: "GET",
    path: "/v1/things",
    permission: "things:read",
    operation: "listThings",
    summary: "Things.",
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(10).default(5),
      tag: z.array(z.string()).optional(),
    }),
    response: z.strictObject({ limit: z.int(), tags: z.array(z.string()) }),
    handle: (_ops, { query }) => ({ limit: query.limit, tags: query.tag ?? [] }),
  }),
  json({
    method: "POST",
    path: "/v1/things/{id}:rotate",
    permission: "things:rotate",
    operation: "rotateThing",
    summary: "Rotates.",
    params: z.strictObject({ id: z.string() }),
    response: z.strictObject({ rotated: z.string(), trace: z.string(), locale: z.string() }),
    handle: (_ops, { params, locale }) => ({ rotated: params.id, trace: currentContext()?.traceId ?? "", locale }),
  }),
  json({
    method: "GET",
    path: "/v1/names/{name}",
    takesSlashes: true,
    permission: "things:read",
    operation: "getName",
    summary: "What is called so.",
    response: z.strictObject({ name: z.string() }),
    handle: (_ops, { params }) => ({ name: String((params as { name: string }).name) }),
  }),
  json({
    method: "POST",
    path: "/v1/names/{name}:test",
    takesSlashes: true,
    permission: "things:read",
    operation: "testName",
    summary: "Tries what is called so.",
    response: z.strictObject({ tested: z.string() }),
    handle: (_ops, { params }) => ({ tested: String((params as { name: string }).name) }),
  }),
  json({
    method: "DELETE",
    path: "/v1/things/{thing_id}",
    permission: "things:write",
    operation: "deleteThing",
    summary: "Deletes.",
    successStatus: 204,
    response: z.undefined(),
    handle: () => undefined,
  }),
  json({
    method: "GET",
    path: "/v1/open",
    permission: "public",
    operation: "getOpen",
    summary: "For everyone.",
    response: z.strictObject({ user: z.string(), address: z.string() }),
    handle: (_ops, { caller, clientAddress }) => ({ user: caller?.userId ?? "nobody", address: clientAddress }),
  }),
  json({
    method: "POST",
    path: "/v1/pay",
    permission: "public",
    operation: "pay",
    summary: "Fails as told.",
    body: z.strictObject({ how: z.enum(["expected", "bug", "shape", "bigint"]) }),
    response: z.strictObject({ ok: z.literal(true) }),
    handle: (_ops, { body }) => {
      if (body.how === "expected") throw new Failure(failures.insufficient, { available: 50 }, { retryAfterMs: 1_200 });
      if (body.how === "bug") throw new Error("secret-in-a-stack");
      return (body.how === "bigint" ? { ok: 1n } : { ok: true, leaked: "secret-field" }) as unknown as { ok: true };
    },
  }),
  raw({
    method: "POST",
    path: "/v1/raw",
    permission: "raw:call",
    operation: "callRaw",
    summary: "Echoes.",
    bodyLimitBytes: 1_000,
    toFailureReply: (failure, { requestId }) => ({
      status: failure.type.httpStatus,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ dialect: failure.type.code, requestId }),
    }),
    handle: async (_ops, { res, body, context, caller }) => {
      if (body.toString() === "throw") throw new Error("raw bug");
      if (body.toString() === "late") {
        res.writeHead(200).write("begun");
        throw new Error("raw bug after the head");
      }
      res.writeHead(200, { "content-type": "text/plain" });
      res.end(`${body.length} ${caller?.userId} ${currentContext() === context}`);
    },
  }),
  raw({
    method: "GET",
    path: "/v1/raw-read",
    permission: "public",
    operation: "readRaw",
    summary: "Reads.",
    bodyLimitBytes: 0,
    toFailureReply: () => {
      throw new Error("a dialect with a bug");
    },
    handle: async (_ops, { res, caller }) => {
      if (!caller) throw new Failure(failures.insufficient);
      res.end("read");
    },
  }),
];
