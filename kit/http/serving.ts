import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { readIdempotencyKey } from "../idempotency/idempotency-key.ts";
import type { LineLimit } from "../observability/line-limit.ts";
import type { HttpMetrics, RouteMeter } from "../observability/metrics.ts";
import { type CallContext, type Caller, runInContext } from "../rpc/call-context.ts";
import type { Clock } from "../service/clock.ts";
import type { Linked, LinkedList } from "../service/linked-list.ts";
import type { Call } from "./call.ts";
import { type FailedCall, sendReply, setLastingHeader, toExpectedFailure } from "./failure-reply.ts";
import type { Forward } from "./forward.ts";
import { admit, type Guard, requireFreshProof } from "./gate.ts";
import type { Arrival, Intake, OpenExchange } from "./intake.ts";
import { headerOf } from "./request-head.ts";
import type { FailureReply, Route, ToFailureReply } from "./route.ts";
import { cut } from "./upgrade.ts";

/** A request that takes longer than this and is no stream is worth a line in the log. */
const slowRequestMs = 5_000;
/** What nginx writes down for a client that left before the answer. */
export const clientClosedStatus = 499;

/** What is said to somebody who is known. */
const refusals = [
  ...[kitFailures.permission_denied, kitFailures.impersonation_refused],
  ...[kitFailures.step_up_required, kitFailures.person_required],
];

interface KeptExchange extends OpenExchange, Linked<KeptExchange> {}

/** Exchanges under way. */
export type OpenExchanges = LinkedList<KeptExchange>;

/** What routes of every kind are served with. */
export interface Serving {
  /** Who sends a request: the guard's word at the edge, the peer's word behind it. */
  readonly identify: (req: IncomingMessage, call: Call) => ReturnType<Guard>;
  /** At the edge only: what one may ask for has been asked of whoever forwards. */
  readonly intake: Intake | undefined;
  /** A header as the client sent it, which behind the edge is what the peer says it was. */
  readonly readHeader: (req: IncomingMessage, name: string) => string | undefined;
  /** Requests under way whose sender is known; at the edge only. */
  readonly open: OpenExchanges | undefined;
  readonly log: Logger;
  /** For lines of requests answered 503: metrics count them all, and what is turned away must not cost what it was turned away for. */
  readonly refusalLines: LineLimit;
  readonly clock: Clock;
  readonly metrics: HttpMetrics;
  readonly toFailureReply: ToFailureReply;
  readonly forward: Forward | undefined;
  /** Where clients find the platform; at the edge only. */
  readonly publicUrl: (() => string) | undefined;
}

/**
 * Asks the gate and then the intake; gives the context that the route's handler runs in. Throws what either throws, and
 * `kit.canceled` when the caller has left meanwhile. A request that the gate refuses has been counted by the intake all
 * the same.
 */
export async function enter(
  serving: Serving,
  route: Route<never>,
  req: IncomingMessage,
  res: ServerResponse,
  call: Call,
): Promise<CallContext> {
  const { context } = call;
  const { intake, identify } = serving;
  let caller: Caller | undefined;
  try {
    const admitted = runInContext(context, () => admit(route, () => identify(req, call)));
    // A guard that knows the key at once costs no turn of the event loop.
    caller = admitted instanceof Promise ? await admitted : admitted;
    if (route.kind === "json") requireFreshProof(route.stepUp, caller, serving.clock.nowMs());
  } catch (err) {
    const isKnown = refusals.some((type) => isFailure(err, type));
    if (intake && (isKnown || isFailure(err, kitFailures.unauthenticated))) {
      await intake(toArrival(req, res, call, route, isKnown ? await identify(req, call) : undefined));
    }
    throw err;
  }
  const taken = intake?.(toArrival(req, res, call, route, caller));
  const priority = taken instanceof Promise ? await taken : taken;
  // Its end has been told already: nobody would tell the handler.
  if (res.closed) throw new Failure(kitFailures.canceled);
  if (caller && serving.open) keepOpen(serving.open, req, res, call, route);
  const isAsBefore = caller === context.caller && (priority === undefined || priority === "interactive");
  return isAsBefore ? context : { ...context, caller, priority };
}

function keepOpen(
  open: OpenExchanges,
  { headers, url }: IncomingMessage,
  res: ServerResponse,
  { startedMs }: Call,
  route: Route<never>,
): void {
  const cutIt = (why: Failure) => cut(res, why);
  const exchange: KeptExchange = { headers, url, route, startedMs, cut: cutIt, previous: undefined, next: undefined };
  open.add(exchange);
  res.once("close", () => open.remove(exchange));
}

function toArrival(
  { headers }: IncomingMessage,
  res: ServerResponse,
  { clientAddress, startedMs }: Call,
  route: Route<never>,
  caller: Caller | undefined,
): Arrival {
  return {
    ...{ headers, clientAddress, startedMs, route, caller },
    get isOver() {
      return res.closed;
    },
    setHeader: (name, value) => setLastingHeader(res, name, value),
    onEnd: (ended) => void res.once("close", () => ended(res.headersSent ? res.statusCode : undefined)),
  };
}

/** The context with the request's idempotency key, on routes that take one. Throws `kit.invalid_request` for what is none. */
export function withIdempotencyKey(context: CallContext, route: Route<never>, req: IncomingMessage): CallContext {
  const idempotencyKey = route.takesIdempotencyKey ? readIdempotencyKey((name) => headerOf(req, name)) : undefined;
  return idempotencyKey === undefined ? context : { ...context, idempotencyKey };
}

/** Counts the request when its answer has ended, and logs it if it was slow or our fault. */
export function observe(
  serving: Serving,
  meter: RouteMeter,
  operation: string,
  res: ServerResponse,
  call: Call,
  mayStream = false,
): void {
  call.span?.rename(operation, mayStream);
  const { startedMs, requestId, context } = call;
  const ended = { operation, requestId, startedMs, mayStream, traceId: context.traceId };
  res.once("close", () => noteEnd(serving, meter, ended, res.headersSent ? res.statusCode : clientClosedStatus));
}

/** Counts a request whose answer has ended, and logs it if it was slow or our fault: of refusals for load a few a second. */
export function noteEnd(
  { clock, log, refusalLines }: Pick<Serving, "clock" | "log" | "refusalLines">,
  meter: RouteMeter,
  ended: EndedRequest,
  status: number,
): void {
  const { operation, requestId, startedMs, mayStream, traceId } = ended;
  const durationMs = clock.monotonicMs() - startedMs;
  meter(status, durationMs);
  const isBad = status >= 500 || (!mayStream && durationMs > slowRequestMs);
  const isVerbose = log.isLevelEnabled("debug");
  if (!isBad && !isVerbose) return;
  const leftOut = status === 503 && !isVerbose ? refusalLines.take() : 0;
  if (leftOut === undefined) return;
  const ids = { trace_id: traceId, request_id: requestId };
  const facts = {
    ...ids,
    operation,
    status,
    duration_ms: Math.round(durationMs),
    ...(leftOut > 0 && { left_out: leftOut }),
  };
  if (isBad) log.warn(facts, "request failed or slow");
  else log.debug(facts, "request");
}

interface EndedRequest {
  readonly operation: string;
  readonly requestId: string;
  readonly startedMs: number;
  readonly mayStream: boolean;
  /** Undefined for a request that nobody traces. */
  readonly traceId: string | undefined;
}

/** The reply to whatever was thrown, in the route's own shape; the REST shape when the route cannot make one. */
export function replyTo(
  err: unknown,
  serving: Serving,
  call: Pick<Call, "context" | "requestId">,
  toFailureReply: ToFailureReply = serving.toFailureReply,
): FailureReply {
  const failed: FailedCall = {
    traceId: call.context.traceId,
    requestId: call.requestId,
    locale: call.context.locale,
    publicUrl: serving.publicUrl?.(),
  };
  try {
    return toFailureReply(toExpectedFailure(err, failed, serving.log), failed);
  } catch (shapeErr) {
    return serving.toFailureReply(toExpectedFailure(shapeErr, failed, serving.log), failed);
  }
}

/** Answers whatever was thrown. Safe when the answer has begun: the connection is then cut. */
export function answerError(
  err: unknown,
  serving: Serving,
  req: IncomingMessage,
  res: ServerResponse,
  call: Call,
  toFailureReply?: ToFailureReply,
): void {
  sendReply(req, res, replyTo(err, serving, call, toFailureReply));
}
