import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import type { Logger } from "pino";
import { Failure, type FailureKind, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { toOutage } from "../errors/outage.ts";
import { readIdempotencyKey } from "../idempotency/idempotency-key.ts";
import { isFault, type OpenSpan, type Tracer } from "../observability/tracing.ts";
import type { Clock } from "../service/clock.ts";
import { type AuditSink, mayChangeState, toAuditRecord } from "./audit.ts";
import { type CallContext, runDetached, runInContext } from "./call-context.ts";
import type { CallGate } from "./call-gate.ts";
import { type Callers, checkCaller } from "./caller-check.ts";
import type { CheckedRpc } from "./checked-rpc.ts";
import { fromContextHeaders, isTraceparent, readServiceHeader } from "./context-headers.ts";
import { checkDeadline } from "./deadline-check.ts";
import { toConnectError } from "./failure-codec.ts";
import type { ObserveCall, RpcMetrics } from "./rpc-metrics.ts";
import { linkSignals, untilAborted } from "./signals.ts";
import { createSpanId } from "./span-id.ts";
import { unprocessedHeader } from "./unsent.ts";

export interface ServerInterceptorOptions {
  /** The service's name in the program, for metrics. */
  readonly service: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: RpcMetrics;
  readonly gate: CallGate;
  /** Services that may call this one. */
  readonly callers: Callers;
  /** Told of each call that may have changed something. */
  readonly audit: AuditSink;
  /** Methods of which the audit is told nothing, by their local names. */
  readonly unaudited?: readonly string[] | undefined;
  /** Methods that take an idempotency key, by their local names. */
  readonly idempotent?: readonly string[] | undefined;
  /** Records each call as `<service>.<method>`; absent unless traces are wanted. */
  readonly tracer?: Tracer | undefined;
}

type Handler = (input: unknown, context: HandlerContext) => unknown;
type StreamHandler = (input: unknown, context: HandlerContext) => AsyncIterable<unknown>;

/**
 * An implementation as every transport serves it. Each call is let in while the service runs, from those who may call it
 * and while somebody waits for the answer; runs in its own context rebuilt from its headers and in nobody else's, with a
 * request within its bounds; ends with its deadline; answers with a declared failure or `kit.internal`; what was not
 * expected is logged once; it is counted and, if it may change something, told to the audit. Wrapping the implementation,
 * rather than registering Connect interceptors, is what makes all of it hold in process too and leaves no other place where
 * an interceptor could be set.
 */
export function interceptServer<Contract extends DescService>(
  rpc: CheckedRpc<Contract>,
  options: ServerInterceptorOptions,
): ServiceImpl<Contract> {
  const { unaudited = [], idempotent = [] } = options;
  const entries = rpc.contract.methods.map((method) => {
    const { localName } = method;
    const handle = rpc.handlerOf(method) ?? unimplemented(method);
    const served: ServedMethod = {
      observe: options.metrics.forMethod(options.service, method.name),
      isAudited: mayChangeState(method) && !unaudited.includes(localName),
      takesIdempotencyKey: idempotent.includes(localName),
    };
    const isStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
    const serve = isStream ? serveStream(handle as StreamHandler, served, options) : serveOne(handle, served, options);
    return [localName, serve] as const;
  });
  return Object.fromEntries(entries) as ServiceImpl<Contract>;
}

/** What is known of a method before its first call. */
interface ServedMethod {
  readonly observe: ObserveCall;
  readonly isAudited: boolean;
  readonly takesIdempotencyKey: boolean;
}

function unimplemented(method: DescMethod): Handler {
  return () => {
    throw new Failure(kitFailures.unimplemented, { method: `${method.parent.typeName}/${method.name}` });
  };
}

/** Unary and client-streaming methods. */
function serveOne(handle: Handler, method: ServedMethod, options: ServerInterceptorOptions) {
  return async (input: unknown, handler: HandlerContext): Promise<unknown> => {
    const call = beginCall(handler, handler.signal, method, options);
    let code: FailureKind | "ok" = "ok";
    try {
      call.check();
      return await untilAborted(
        handler.signal,
        call.run(() => handle(input, handler)),
      );
    } catch (err) {
      const failure = call.toFailure(err);
      code = failure.type.kind;
      throw toConnectError(failure);
    } finally {
      call.end(code);
    }
  };
}

/** Server-streaming and bidirectional methods. They also end when the service stops. */
function serveStream(handle: StreamHandler, method: ServedMethod, options: ServerInterceptorOptions) {
  return async function* (input: unknown, handler: HandlerContext): AsyncGenerator<unknown> {
    const { signal, release } = linkSignals(handler.signal, options.gate.closing);
    const call = beginCall(handler, signal, method, options);
    let answers: AsyncIterator<unknown> | undefined;
    let isEnded = false;
    const end = (code: FailureKind | "ok") => {
      if (isEnded) return;
      isEnded = true;
      call.run(release);
      // Not awaited: a generator that ignores its signal would hold the caller.
      call.run(() => answers?.return?.())?.catch(() => {});
      call.end(code);
    };
    // A reader that has left asks for nothing more: without this, the call would stay where it last answered.
    signal.addEventListener("abort", () => end(call.toFailure(signal.reason).type.kind));
    try {
      call.check();
      const iterator = call.run(() => handle(input, { ...handler, signal })[Symbol.asyncIterator]());
      answers = iterator;
      for (;;) {
        const next = await untilAborted(
          signal,
          call.run(() => iterator.next()),
        );
        if (next.done) break;
        yield next.value;
      }
      end("ok");
    } catch (err) {
      const failure = call.toFailure(err);
      end(failure.type.kind);
      throw toConnectError(failure);
    } finally {
      end("canceled");
    }
  };
}

interface ServedCall {
  /** Throws a Failure for a call that is not to be begun. */
  check(): void;
  /** Runs a part of the handler in the call's context. */
  run<T>(work: () => T): T;
  /** What the caller may know of an error. Logs what only we may know. */
  toFailure(err: unknown): Failure;
  /** Counts the call out, in metrics, traces and audit. Once. */
  end(code: FailureKind | "ok"): void;
}

function beginCall(
  handler: HandlerContext,
  signal: AbortSignal,
  served: ServedMethod,
  options: ServerInterceptorOptions,
): ServedCall {
  const { clock, gate, service } = options;
  const startMs = clock.monotonicMs();
  const readHeader = (name: string) => handler.requestHeader.get(name) ?? undefined;
  const received = readContext(handler, readHeader, clock);
  const calledBy = readServiceHeader(readHeader);
  const { traceId } = received;
  const log = (level: "warn" | "error", err: unknown, message: string) =>
    options.log[level]({ err, trace_id: traceId, rpc: `${service}.${handler.method.localName}` }, message);
  if (!gate.enter()) throw toRefusal(service);
  const span = options.tracer && openSpan(options.tracer, handler, received, service);
  let context = span?.context ?? { ...received, spanId: createSpanId() };

  return {
    check() {
      checkCaller(service, calledBy, options.callers);
      checkDeadline(context.deadlineMs, clock);
      const idempotencyKey = served.takesIdempotencyKey ? readIdempotencyKey(readHeader) : undefined;
      if (idempotencyKey !== undefined) context = { ...context, idempotencyKey };
    },
    run: (work) => runDetached(() => runInContext(context, work)),
    toFailure(thrown) {
      const err = toOutage(thrown) ?? thrown;
      if (isFailure(err)) {
        if (err.cause !== undefined) log("warn", err, "call failed");
        return err;
      }
      if (signal.aborted) return fromAbortReason(signal.reason, (context.deadlineMs ?? startMs) - startMs);
      log("error", err, "call failed unexpectedly");
      return new Failure(kitFailures.internal);
    },
    end(code) {
      gate.leave();
      if (isFault(code)) span?.fail(code);
      span?.end();
      const durationMs = clock.monotonicMs() - startMs;
      served.observe(code, durationMs);
      if (!served.isAudited) return;
      const operation = `${service}.${handler.method.localName}`;
      options.audit(toAuditRecord(operation, context, calledBy, { code, durationMs }));
    },
  };
}

/** Tells the caller besides that nothing has been done, so that it may ask another process at once. */
function toRefusal(service: string): ConnectError {
  const err = toConnectError(new Failure(kitFailures.unavailable, { service }));
  err.metadata.set(unprocessedHeader, "1");
  return err;
}

function openSpan(tracer: Tracer, handler: HandlerContext, received: CallContext, service: string): OpenSpan {
  const { method, requestHeader } = handler;
  return tracer.open(`${service}.${method.localName}`, received, {
    kind: "server",
    isStream: method.methodKind !== "unary",
    isOrphan: !isTraceparent(requestHeader.get("traceparent") ?? undefined),
    attributes: { "rpc.system": "grpc", "rpc.service": method.parent.typeName, "rpc.method": method.name },
  });
}

/** The caller's context. A client that is not ours states its deadline the gRPC way only. */
function readContext(handler: HandlerContext, header: (name: string) => string | undefined, clock: Clock): CallContext {
  const received = fromContextHeaders(header, clock);
  const timeoutMs = handler.timeoutMs();
  const deadlineMs = received.deadlineMs ?? (timeoutMs === undefined ? undefined : clock.monotonicMs() + timeoutMs);
  return { ...received, deadlineMs };
}

function fromAbortReason(reason: unknown, timeoutMs: number): Failure {
  if (isFailure(reason)) return reason;
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded
    ? new Failure(kitFailures.deadline_exceeded, { timeoutMs: Math.ceil(timeoutMs) })
    : new Failure(kitFailures.canceled);
}
