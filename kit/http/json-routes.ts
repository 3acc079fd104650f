import type { IncomingMessage, ServerResponse } from "node:http";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { parseInput } from "../errors/parse-input.ts";
import { type CallContext, runInContext } from "../rpc/call-context.ts";
import type { MountedService } from "../service/define-service.ts";
import type { Call } from "./call.ts";
import { parseIfMatch, toEntityTag } from "./entity-tag.ts";
import { dataHeaders, sendReply } from "./failure-reply.ts";
import { FileAnswer, fileHeaders } from "./file-answer.ts";
import { parseFormBody } from "./form-body.ts";
import { parseJsonBody } from "./json-body.ts";
import { createPathReader, startOf } from "./raw-paths.ts";
import { checkBodyHead } from "./read-body.ts";
import { pathOf } from "./request-head.ts";
import { type BodyFormat, isConditional, type JsonRoute, type Route } from "./route.ts";
import { type RequestSchemas, requestSchemasOf } from "./route-schemas.ts";
import { answerError, enter, observe, replyTo, type Serving, withIdempotencyKey } from "./serving.ts";
import { StreamAnswer } from "./stream-answer.ts";
import { WholeAnswer } from "./whole-answer.ts";

/** A JSON body may be this large. */
export const jsonBodyLimitBytes = 1_048_576;
const maxParamLength = 256;
const maxUserAgentLength = 300;
const allMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Serves everything that is no raw route: JSON routes, other methods of known paths, and unknown paths. */
export interface JsonApp {
  serve(req: IncomingMessage, res: ServerResponse, call: Call): void;
  close(): Promise<void>;
}

interface State {
  readonly call: Call;
  context: CallContext;
}

/**
 * Mounts the JSON routes of `services` in Fastify. `systemPaths` are answered elsewhere, by GET only. Throws a TypeError
 * for a route that contradicts itself, and what Fastify throws for two that contradict each other.
 */
export function createJsonApp(
  serving: Serving,
  services: readonly MountedService[],
  systemPaths: readonly string[],
): JsonApp {
  const states = new WeakMap<IncomingMessage, State>();
  const stateOf = (request: FastifyRequest): State => {
    const state = states.get(request.raw);
    if (!state) throw new Error("a request came in beside the handler");
    return state;
  };
  const app = createFastify(serving, stateOf);
  const unmatched = serving.metrics.forRoute("any", "unmatched");
  app.setNotFoundHandler((request, reply) => {
    const { call } = stateOf(request);
    observe(serving, unmatched, "unmatched", reply.raw, call);
    throw new Failure(kitFailures.not_found, { method: request.method, path: pathOf(request.raw).slice(0, 200) });
  });
  for (const service of services) {
    for (const route of service.routes) {
      if (route.kind === "json") mountJsonRoute(app, serving, service, route, stateOf);
    }
  }
  const routes = services.flatMap((service) => service.routes);
  const systemRoutes = systemPaths.map((path) => ({ path, method: "GET" }) as const);
  mountOtherMethods(app, serving, [...routes, ...systemRoutes], stateOf);
  let isReady = false;
  const ready = app.ready().then(() => {
    isReady = true;
  });
  return {
    serve(req, res, call) {
      states.set(req, { call, context: call.context });
      if (isReady) app.routing(req, res);
      else
        ready.then(
          () => app.routing(req, res),
          (err) => answerError(err, serving, req, res, call),
        );
    },
    close: () => app.close(),
  };
}

function createFastify(serving: Serving, stateOf: (request: FastifyRequest) => State): FastifyInstance {
  const onError = (err: unknown, request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    sendReply(request.raw, reply.raw, replyTo(toOurFailure(err), serving, stateOf(request).call));
  };
  const app = fastify({
    bodyLimit: jsonBodyLimitBytes,
    // What Fastify would load for schemas of its own is a twentieth of a start, and ours are zod's.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false, maxParamLength },
    frameworkErrors: onError,
  });
  app.setErrorHandler(onError);
  app.removeAllContentTypeParsers();
  for (const [format, parse] of Object.entries(parsers)) {
    app.addContentTypeParser(format, { parseAs: "buffer" }, (request, body, done) => {
      try {
        const { bodyFormats } = request.routeOptions.config as RouteConfig;
        const isTaken = format === json || bodyFormats?.includes(format as BodyFormat);
        if (!isTaken) throw new Failure(kitFailures.unsupported_media_type, { expected: json });
        done(null, parse(body as Buffer));
      } catch (err) {
        done(err as Error);
      }
    });
  }
  return app;
}

function noCompiler(): never {
  throw new TypeError("routes have no schemas of Fastify's");
}

const json = "application/json";
const parsers: Readonly<Record<typeof json | BodyFormat, (body: Buffer) => unknown>> = {
  [json]: parseJsonBody,
  "application/scim+json": parseJsonBody,
  "application/x-www-form-urlencoded": parseFormBody,
};

/** What Fastify keeps with a route of ours. */
interface RouteConfig {
  readonly bodyFormats?: readonly BodyFormat[] | undefined;
}

function mountJsonRoute(
  app: FastifyInstance,
  serving: Serving,
  service: MountedService,
  route: JsonRoute<never>,
  stateOf: (request: FastifyRequest) => State,
): void {
  const schemas = requestSchemasOf(route);
  const readName = route.takesSlashes ? createPathReader(route.path) : undefined;
  const meter = serving.metrics.forRoute(route.method, route.path);
  app.route({
    method: route.method,
    url: toFastifyPath(route),
    config: { bodyFormats: route.bodyFormats } satisfies RouteConfig,
    errorHandler(err, request, reply) {
      reply.hijack();
      const failureReply = replyTo(toOurFailure(err), serving, stateOf(request).call, route.toFailureReply);
      sendReply(request.raw, reply.raw, failureReply);
    },
    async onRequest(request, reply) {
      const state = stateOf(request);
      observe(serving, meter, route.operation, reply.raw, state.call, route.mayStream);
      state.context = await enter(serving, route, request.raw, reply.raw, state.call);
      checkBodyHead(request.raw, jsonBodyLimitBytes);
      const { peerUrl } = service;
      if (peerUrl === undefined) return askRoute({ serving, service, route }, request.raw, state);
      reply.hijack();
      const target = { service: service.name, peerUrl, bodyLimitBytes: jsonBodyLimitBytes, headers: route.reads };
      const call = { ...state.call, context: state.context };
      await serving
        .forward?.(target, request.raw, reply.raw, call)
        .catch((err) => answerError(err, serving, request.raw, reply.raw, call, route.toFailureReply));
    },
    async handler(request, reply) {
      const answer = await handle({ serving, service, route, schemas, readName }, request, stateOf(request));
      reply.hijack();
      if ("status" in answer) return sendReply(request.raw, reply.raw, answer);
      // Nothing of it would be sent, however long it went on.
      if (request.method === "HEAD")
        return sendReply(request.raw, reply.raw, { status: 200, headers: dataHeaders, body: "" });
      const state = stateOf(request);
      await runInContext(state.context, () => answer.send(reply.raw)).catch((err) =>
        answerError(err, serving, request.raw, reply.raw, state.call, route.toFailureReply),
      );
    },
  });
}

interface MountedRoute {
  readonly serving: Serving;
  readonly service: MountedService;
  readonly route: JsonRoute<never>;
  readonly schemas: RequestSchemas;
  /** Given where a name in the path may hold slashes. */
  readonly readName: ReturnType<typeof createPathReader> | undefined;
}

async function handle(
  { serving, service, route, schemas, readName }: MountedRoute,
  request: FastifyRequest,
  { call, context }: State,
) {
  const path = pathOf(request.raw);
  const params = readName ? readName(path) : { ...(request.params as object) };
  if (!params) throw new Failure(kitFailures.not_found, { method: route.method, path: path.slice(0, 200) });
  const input = {
    params: parseInput(schemas.params, params, "path"),
    query: parseInput(schemas.query, readQuery(request.query as Query, schemas.listFields), "query"),
    body: parseInput(schemas.body, request.body ?? undefined, "body"),
    caller: context.caller,
    clientAddress: call.clientAddress,
    userAgent: (request.headers["user-agent"] ?? "").slice(0, maxUserAgentLength),
    expectedVersion: isConditional(route) ? parseIfMatch(request.headers["if-match"]) : undefined,
    locale: context.locale,
    requestId: call.requestId,
    headers: readHeaders(serving, route, request.raw),
  };
  const inside = withIdempotencyKey(context, route, request.raw);
  const output = await runInContext(inside, () => route.handle(service.ops as never, input));
  if (output instanceof StreamAnswer) return output;
  const status = route.successStatus ?? 200;
  if (status === 204 && !(output instanceof WholeAnswer)) return { status, headers: {}, body: "" };
  if (output instanceof WholeAnswer) {
    return { status: output.status, headers: { ...dataHeaders, ...output.headers }, body: output.body };
  }
  if (output instanceof FileAnswer) {
    return { status, headers: { ...dataHeaders, ...fileHeaders(output) }, body: output.bytes };
  }
  const checked = route.response.safeParse(output);
  // The issues name fields and types, not values: a response may hold what no log should.
  if (!checked.success) throw new Error(`${route.operation} answers against its schema: ${checked.error.message}`);
  const etag = route.versionOf && { etag: toEntityTag(route.versionOf(checked.data)) };
  return { status, headers: { ...dataHeaders, ...etag }, body: JSON.stringify(checked.data) };
}

async function askRoute(
  { serving, service, route }: Pick<MountedRoute, "serving" | "service" | "route">,
  req: IncomingMessage,
  { call, context }: State,
) {
  if (!route.admit) return;
  const asked = { headers: readHeaders(serving, route, req), clientAddress: call.clientAddress };
  await runInContext(context, () => route.admit?.(service.ops as never, asked));
}

function readHeaders({ readHeader }: Serving, { reads = [] }: JsonRoute<never>, req: IncomingMessage) {
  const headers: Record<string, string> = {};
  for (const name of reads) {
    const value = readHeader(req, name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

type Query = Readonly<Record<string, string | readonly string[]>>;

function readQuery(query: Query, listFields: ReadonlySet<string>): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(query)) {
    const isList = listFields.has(name);
    if (Array.isArray(value) && !isList) {
      const reason = "must not be given twice";
      throw new Failure(kitFailures.invalid_request, {
        field: name.slice(0, 200),
        reason,
        reason_zh_CN: "不得重复给出",
      });
    }
    fields[name] = isList && !Array.isArray(value) ? [value] : value;
  }
  return fields;
}

/** Paths first, then methods: a known path answers 405 with Allow, or OPTIONS, and never falls through to another path. */
function mountOtherMethods(
  app: FastifyInstance,
  serving: Serving,
  routes: readonly (Pick<Route<never>, "method"> & NamedPath)[],
  stateOf: (request: FastifyRequest) => State,
): void {
  const byShape = Map.groupBy(routes, (route) =>
    route.takesSlashes ? toFastifyPath(route) : route.path.replace(/\{\w+\}/g, "{}"),
  );
  for (const group of byShape.values()) {
    const [{ path, takesSlashes } = { path: "/", takesSlashes: false }] = group;
    const methods: string[] = group.map((route) => route.method);
    const allowed = allMethods.filter(
      (method) => method === "OPTIONS" || methods.includes(method === "HEAD" ? "GET" : method),
    );
    const meter = serving.metrics.forRoute("other", path);
    app.route({
      method: allMethods.filter((method) => method === "OPTIONS" || !allowed.includes(method)),
      url: toFastifyPath({ path, takesSlashes }),
      async onRequest(request, reply) {
        observe(serving, meter, "otherMethod", reply.raw, stateOf(request).call);
        if (request.method !== "OPTIONS") {
          const shown = pathOf(request.raw).slice(0, 200);
          const details = { method: request.method, path: shown, allowed: allowed.join(", ") };
          throw new Failure(kitFailures.method_not_allowed, details);
        }
        reply.hijack();
        sendReply(request.raw, reply.raw, { status: 204, headers: { allow: allowed.join(", ") }, body: "" });
      },
      handler: () => undefined,
    });
  }
}

interface NamedPath {
  readonly path: string;
  readonly takesSlashes?: boolean | undefined;
}

/**
 * `/keys/{id}:rotate` in find-my-way's notation; a name before a verb takes everything up to the last colon, and one that takes slashes
 * whatever follows.
 */
function toFastifyPath({ path, takesSlashes }: NamedPath): string {
  if (takesSlashes) return `${startOf(path)}*`;
  return path
    .replaceAll(":", "::")
    .replace(/\{(\w+)\}::/, ":$1([^/]+)::")
    .replace(/\{(\w+)\}/g, ":$1");
}

const failureByFastifyCode: Readonly<Record<string, () => Failure>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Failure(kitFailures.body_too_large, { limitBytes: jsonBodyLimitBytes }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new Failure(kitFailures.unsupported_media_type, { expected: "application/json" }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new Failure(kitFailures.canceled),
  FST_ERR_BAD_URL: () => invalidPath(),
  FST_ERR_MAX_PARAM_LENGTH: () => invalidPath(),
};

function invalidPath(): Failure {
  const reason = `must be valid and its parts at most ${maxParamLength} characters long`;
  const reason_zh_CN = `必须有效，且每段不超过 ${maxParamLength} 个字符`;
  return new Failure(kitFailures.invalid_request, { field: "path", reason, reason_zh_CN });
}

function toOurFailure(err: unknown): unknown {
  const code = (err as Partial<FastifyError> | null)?.code;
  return (code !== undefined && failureByFastifyCode[code]?.()) || err;
}
