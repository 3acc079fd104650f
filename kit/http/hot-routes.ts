import type { Tracer } from "../observability/tracing.ts";
import type { Caller } from "../rpc/call-context.ts";
import type { MountedService } from "../service/define-service.ts";
import type { Random } from "../service/ids.ts";
import { admit, type Guard } from "./gate.ts";
import { type HotServing, LaneExchange } from "./hot-exchange.ts";
import type { LaneReply } from "./lane/reply.ts";
import type { LaneRequest } from "./lane/request.ts";
import { type PathAliases, spellingsOf } from "./path-aliases.ts";
import type { HotFacts, RawRoute } from "./route.ts";
import type { Serving } from "./serving.ts";

/** Raw routes of this process that can be served hot, for a lane. */
export interface HotRoutes {
  /** `POST /v1/chat/completions`; empty when there is none. */
  readonly targets: readonly string[];
  /** Header names in lower case that the lane has to give, and those with which a request goes the ordinary way. */
  readonly wantedHeaders: readonly string[];
  readonly heldBackHeaders: readonly string[];
  /** Serves a request, or hands it over untouched. Never throws. */
  onRequest(request: LaneRequest, reply: LaneReply): void;
}

export interface HotRouteParts {
  readonly guard: Guard;
  readonly random: Random;
  readonly tracer: Tracer | undefined;
  /** What guard, intake and handlers read besides the kit's own. */
  readonly headers: readonly string[];
  readonly aliases: PathAliases;
}

interface HotRoute extends HotServing {
  readonly ops: unknown;
}

const ownHeaders = ["traceparent", "accept-language"] as const;
const heldBackHeaders = ["idempotency-key"] as const;

/**
 * The same gate, the same intake and the same operation as the ordinary way. Whoever is not let in goes the ordinary way, which
 * says why.
 */
export function createHotRoutes(mounted: readonly MountedService[], serving: Serving, parts: HotRouteParts): HotRoutes {
  const { guard, random, tracer } = parts;
  const wantedHeaders = [...ownHeaders, ...parts.headers];
  const routes = new Map<string, HotRoute>();
  for (const service of mounted) {
    if (service.peerUrl !== undefined) continue;
    for (const route of service.routes) {
      if (route.kind !== "raw" || !route.serveHot) continue;
      const meter = serving.metrics.forRoute(route.method, route.path);
      const hot = { serving, route, meter, tracer, ops: service.ops };
      for (const path of [route.path, ...spellingsOf(route.path, parts.aliases)])
        routes.set(`${route.method} ${path}`, hot);
    }
  }

  function readHeaders(request: LaneRequest): Record<string, string> {
    const headers: Record<string, string> = {};
    for (let index = 0; index < wantedHeaders.length; index++) {
      const value = request.header(index);
      if (value !== undefined) headers[wantedHeaders[index] as string] = value;
    }
    return headers;
  }

  function serve(hot: HotRoute, facts: HotFacts, reply: LaneReply): void {
    const exchange = new LaneExchange(hot, facts, reply);
    // Its client may have left while its key was looked up: the limits count it all the same.
    if (exchange.isOver) {
      exchange.enter(nothing, nothing);
      return;
    }
    const end = (isServed: boolean) => isServed || exchange.handOver();
    const served = exchange.run(() => hot.route.serveHot?.(hot.ops as never, exchange) ?? false);
    if (served instanceof Promise) void served.then(end);
    else end(served);
  }

  function onRequest(request: LaneRequest, reply: LaneReply): void {
    const startedMs = serving.clock.monotonicMs();
    const hot = routes.get(request.target);
    if (!hot) {
      reply.handOver();
      return;
    }
    const headers = readHeaders(request);
    const { body, clientAddress } = request;
    const serveIt = (caller: Caller | undefined) => {
      if (!caller) reply.handOver();
      else serve(hot, { headers, body, clientAddress, caller, startedMs, requestId: random.id("req") }, reply);
    };
    const caller = letIn(guard, hot.route, headers);
    if (caller instanceof Promise) caller.then(serveIt, () => reply.handOver());
    else serveIt(caller);
  }

  return { targets: [...routes.keys()], wantedHeaders, heldBackHeaders, onRequest };
}

const nothing = () => {};

/** Who sends it, if it may be sent by whoever that is; the ordinary way says why not. */
function letIn(guard: Guard, route: RawRoute<never>, headers: Record<string, string>) {
  try {
    return admit(route, () => guard({ headers }));
  } catch {
    return undefined;
  }
}
