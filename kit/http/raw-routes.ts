import type { IncomingMessage, ServerResponse } from "node:http";
import { runInContext } from "../rpc/call-context.ts";
import type { MountedService } from "../service/define-service.ts";
import type { Call } from "./call.ts";
import { checkBodyHead, readBody } from "./read-body.ts";
import type { PathParams, RawRoute } from "./route.ts";
import { answerError, enter, observe, type Serving, withIdempotencyKey } from "./serving.ts";

/** Serves one request; never throws and never rejects. */
export type Serve = (req: IncomingMessage, res: ServerResponse, call: Call) => void;

/** The same, with what stands in the path for the route's parameter. */
export type ServeRaw = (req: IncomingMessage, res: ServerResponse, call: Call, params?: PathParams) => void;

const none: PathParams = {};
const nothing = Buffer.alloc(0);

/** How a raw route's requests are served: gate, body, handler, or a peer in the handler's place. No framework. */
export function serveRawRoute(serving: Serving, service: MountedService, route: RawRoute<never>): ServeRaw {
  const meter = serving.metrics.forRoute(route.method, route.path);

  async function serve(req: IncomingMessage, res: ServerResponse, call: Call, params: PathParams): Promise<void> {
    const context = await enter(serving, route, req, res, call);
    const { peerUrl } = service;
    if (peerUrl !== undefined) {
      checkBodyHead(req, route.bodyLimitBytes, true);
      const { bodyLimitBytes, toLastWords } = route;
      const target = { service: service.name, peerUrl, bodyLimitBytes, toLastWords };
      return serving.forward?.(target, req, res, { ...call, context });
    }
    if (route.streamsBody) checkBodyHead(req, route.bodyLimitBytes);
    const body = route.streamsBody ? nothing : await readBody(req, route.bodyLimitBytes);
    const { requestId } = call;
    const inside = withIdempotencyKey(context, route, req);
    const exchange = { req, res, body, caller: context.caller, context: inside, requestId, params };
    return runInContext(inside, () => route.handle(service.ops as never, exchange));
  }

  return (req, res, call, params = none) => {
    observe(serving, meter, route.operation, res, call, true);
    serve(req, res, call, params).catch((err) => answerError(err, serving, req, res, call, route.toFailureReply));
  };
}
