import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createLineLimit } from "../observability/line-limit.ts";
import { createHttpMetrics } from "../observability/metrics.ts";
import type { OpenSpan, Tracer } from "../observability/tracing.ts";
import { isTraceparent } from "../rpc/context-headers.ts";
import type { Clock } from "../service/clock.ts";
import type { MountedService } from "../service/define-service.ts";
import type { Random } from "../service/ids.ts";
import { createLinkedList } from "../service/linked-list.ts";
import type { Call } from "./call.ts";
import { createFailureReplies, dataHeaders, sendReply } from "./failure-reply.ts";
import { type Forward, parsePeerUrl } from "./forward.ts";
import type { Guard } from "./gate.ts";
import { toContext } from "./hot-exchange.ts";
import { createHotRoutes, type HotRoutes } from "./hot-routes.ts";
import type { Intake, OpenExchange } from "./intake.ts";
import { createJsonApp } from "./json-routes.ts";
import { createOpenApiDocument, type OpenApiOptions } from "./openapi.ts";
import { type PathAliases, resolveAlias } from "./path-aliases.ts";
import { createPathReader, isEncodedName, startOf } from "./raw-paths.ts";
import { type Serve, type ServeRaw, serveRawRoute } from "./raw-routes.ts";
import { checkRequestHead, headerOf, isCanonicalPath, pathOf } from "./request-head.ts";
import type { PathParams } from "./route.ts";
import { refuseTwins } from "./route-schemas.ts";
import { answerError, clientClosedStatus, type OpenExchanges, observe, type Serving } from "./serving.ts";
import { createSiteFinder, type Site } from "./site.ts";

/** A GET answer that needs no caller and no operation: health, metrics. By exact path. */
export type SystemRoutes = Readonly<Record<string, (req: IncomingMessage, res: ServerResponse) => void>>;

export interface HttpHandlerOptions extends OpenApiOptions {
  readonly mounted: readonly MountedService[];
  readonly guard: Guard;
  /** Asked for every request to a route, once it is known who sends it. */
  readonly intake?: Intake;
  /** Request headers that the guard, the intake or a hot route reads. */
  readonly hotHeaders?: readonly string[];
  /** Needed when a mounted service has a `peerUrl`. */
  readonly forward?: Forward;
  readonly systemRoutes?: SystemRoutes;
  /** Where the same is served as elsewhere: a request there is one of that place, before anything looks at it. */
  readonly aliases?: PathAliases;
  /** Pages for browsers, beside all routes. */
  readonly site?: Site | undefined;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly clock: Clock;
  readonly random: Random;
  /** Where error codes are explained; `<docBaseUrl>/billing-001` is the page of BILLING_001. */
  readonly docBaseUrl: string;
  /** Where clients find the platform, for replies that name an address. */
  publicUrl?(): string;
  /** Records each request; absent unless traces are wanted. */
  readonly tracer?: Tracer | undefined;
}

/** Serves every route of the mounted services. */
export interface HttpHandler {
  /** For a node:http server's `request` event. Never throws. */
  onRequest(req: IncomingMessage, res: ServerResponse): void;
  /** The OpenAPI 3.1 document of the routes, also answered at `/openapi.json`. */
  openApiDocument(): object;
  /** Routes that a lane in front of the server may serve, through the same gate and intake. */
  readonly hot: HotRoutes;
  /** Visits every request under way whose sender is known, those of the lane aside. */
  forEachOpen(visit: (exchange: OpenExchange) => void): void;
  /** Frees what the handler holds. The listener stops first. */
  close(): Promise<void>;
}

/**
 * A handler for the public listener. Raw routes and system routes are found before any framework runs, by exact path or by the one
 * parameter in it; the rest is served by Fastify. Throws a TypeError when a route contradicts itself or another.
 */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const { random, clock, guard, tracer, aliases = {} } = options;
  refuseTwins(options.mounted);
  // When somebody asks for it: hundreds of schemas take as long as the rest of a start.
  let document: ReturnType<typeof createOpenApiDocument> | undefined;
  let documentBody: string | undefined;
  const openApiDocument = () => {
    document ??= createOpenApiDocument(options.mounted, options);
    return document;
  };
  const open: OpenExchanges = createLinkedList();
  const systemRoutes: SystemRoutes = {
    ...options.systemRoutes,
    "/openapi.json": (req, res) => {
      documentBody ??= JSON.stringify(openApiDocument());
      sendReply(req, res, { status: 200, headers: dataHeaders, body: documentBody });
    },
  };
  const {
    onRequest: serve,
    close,
    serving,
  } = createHandler({ ...options, systemRoutes, identify: guard, readHeader: headerOf, open }, (req) => {
    const requestId = random.id("req");
    const context = toContext(req.headers, undefined, requestId);
    const isOrphan = tracer && !isTraceparent(headerOf(req, "traceparent"));
    const span = tracer?.open("http", context, { kind: "server", isEdge: true, isOrphan });
    return {
      requestId,
      clientAddress: req.socket.remoteAddress ?? "",
      startedMs: clock.monotonicMs(),
      context: span?.context ?? context,
      span,
    };
  });
  const headers = options.hotHeaders ?? [];
  const hot = createHotRoutes(options.mounted, serving, { guard, random, tracer, headers, aliases });
  return {
    ...{ close, hot },
    onRequest(req, res) {
      req.url = resolveAlias(req.url ?? "", aliases);
      serve(req, res);
    },
    openApiDocument,
    forEachOpen(visit) {
      for (const exchange of [...open]) visit(exchange);
    },
  };
}

const maxEndListeners = 30;
const refusalLinesPerSecond = 10;

/** What the public handler and the peers' handler have in common. */
export interface HandlerParts extends Omit<HttpHandlerOptions, "guard" | "title" | "version"> {
  readonly identify: Serving["identify"];
  readonly readHeader: Serving["readHeader"];
  readonly open?: Serving["open"];
  /** Throws a Failure for a request that must not be looked at any further. */
  readonly checkRequest?: (req: IncomingMessage) => void;
}

/** A handler that opens each request with `open` and serves it by its route. */
export function createHandler(
  parts: HandlerParts,
  open: (req: IncomingMessage) => Call,
): Pick<HttpHandler, "onRequest" | "close"> & { readonly serving: Serving } {
  const { mounted, systemRoutes = {}, log, clock, identify, readHeader, intake, forward, checkRequest } = parts;
  const toFailureReply = createFailureReplies(parts.docBaseUrl);
  const metrics = createHttpMetrics(parts.metrics);
  const serving: Serving = {
    identify,
    readHeader,
    intake,
    open: parts.open,
    log,
    refusalLines: createLineLimit({ clock, perSecond: refusalLinesPerSecond }),
    clock,
    metrics,
    toFailureReply,
    forward,
    publicUrl: parts.publicUrl,
  };
  checkPeers(mounted, forward);
  const exact = new Map<string, Serve>();
  const templates: {
    readonly method: string;
    readonly read: (path: string) => PathParams | undefined;
    readonly serve: ServeRaw;
  }[] = [];
  for (const [path, serve] of Object.entries(systemRoutes)) exact.set(`GET ${path}`, serve).set(`HEAD ${path}`, serve);
  for (const service of mounted) {
    for (const route of service.routes) {
      if (route.kind !== "raw") continue;
      const serve = serveRawRoute(serving, service, route);
      if (route.path.includes("{")) {
        templates.push({ method: route.method, read: createPathReader(route.path), serve });
        continue;
      }
      exact.set(`${route.method} ${route.path}`, serve);
      if (route.method === "GET") exact.set(`HEAD ${route.path}`, serve);
    }
  }
  const named = mounted.flatMap(({ routes }) => routes.filter((route) => route.kind === "json" && route.takesSlashes));
  const starts = [...new Set(named.map(({ path }) => startOf(path)))];
  const app = createJsonApp(serving, mounted, Object.keys(systemRoutes));
  const refused = metrics.forRoute("any", "refused");
  const findPage = createPageFinder(serving, parts);

  function find(req: IncomingMessage): Serve {
    checkRequestHead(req);
    checkRequest?.(req);
    const path = pathOf(req);
    const serve = exact.get(`${req.method} ${path}`);
    if (serve) return serve;
    if (isCanonicalPath(path) || isEncodedName(path, starts))
      return findByTemplate(req.method, path) ?? findPage(req, path) ?? app.serve;
    throw new Failure(kitFailures.not_found, { method: req.method ?? "", path: path.slice(0, 200) });
  }

  function findByTemplate(method: string | undefined, path: string): Serve | undefined {
    for (const { method: wanted, read, serve } of templates) {
      const params = wanted === method ? read(path) : undefined;
      if (params) return (req, res, call) => serve(req, res, call, params);
    }
    return undefined;
  }

  function onRequest(req: IncomingMessage, res: ServerResponse): void {
    const call = open(req);
    // Each stage hears of the end once: together they are more than the ten that Node takes for a leak, and none of them grows.
    res.setMaxListeners(maxEndListeners);
    if (call.span) endWithAnswer(call.span, req, res);
    res.setHeader("x-request-id", call.requestId);
    try {
      find(req)(req, res, call);
    } catch (err) {
      observe(serving, refused, "refused", res, call);
      answerError(err, serving, req, res, call);
    }
  }

  return { onRequest, close: app.close, serving };
}

/** Finds what a browser is shown: nothing without a site. */
function createPageFinder(
  serving: Serving,
  { site, mounted, systemRoutes = {} }: Pick<HandlerParts, "site" | "mounted" | "systemRoutes">,
): (req: IncomingMessage, path: string) => Serve | undefined {
  if (!site) return () => undefined;
  const routes = mounted.flatMap((service) => service.routes.map((route) => route.path));
  const find = createSiteFinder(site, [...routes, ...Object.keys(systemRoutes)]);
  const meter = serving.metrics.forRoute("GET", "site");
  return (req, path) => {
    const send = find(req, path);
    return (
      send &&
      ((asked, res, call) => {
        observe(serving, meter, "site", res, call);
        send(asked, res);
      })
    );
  };
}

function endWithAnswer(span: OpenSpan, req: IncomingMessage, res: ServerResponse): void {
  res.once("close", () => {
    const status = res.headersSent ? res.statusCode : clientClosedStatus;
    span.set({ "http.request.method": req.method ?? "", "http.response.status_code": status });
    if (status >= 500) span.fail(String(status));
    span.end();
  });
}

function checkPeers(mounted: readonly MountedService[], forward: Forward | undefined): void {
  for (const { name, peerUrl } of mounted) {
    if (peerUrl === undefined) continue;
    if (!forward) throw new TypeError(`${name} is hosted by a peer, but there is nothing to forward requests with`);
    parsePeerUrl(peerUrl);
  }
}
