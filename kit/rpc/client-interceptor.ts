import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { noteError } from "../observability/tracing.ts";
import type { Clock } from "../service/clock.ts";
import { currentContext, runDetached } from "./call-context.ts";
import { fromContextHeaders, toContextHeaders, toServiceHeader } from "./context-headers.ts";
import { fromConnectError } from "./failure-codec.ts";
import { markUnsent, wasUnprocessed } from "./unsent.ts";

type HeadersInit = ConstructorParameters<typeof Headers>[0];

/** Of a call for which neither its caller nor its context says one. */
export const defaultTimeoutMs = 10_000;
const maxTimeoutMs = 86_400_000;
const expired = new ConnectError("the deadline has passed", Code.DeadlineExceeded);
const canceled = new ConnectError("the caller has left", Code.Canceled);
const ended = new ConnectError("the call has ended", Code.Canceled);

export interface ClientInterceptorOptions {
  /** Name of the service that is called, as `kit.unavailable` tells it. */
  readonly service: string;
  /** Name of the service that calls, which it tells the other one. Undefined for the program itself. */
  readonly from?: string | undefined;
  readonly clock: Clock;
}

/**
 * A transport as every client uses it. Each call then carries the caller's context, ends at the context's deadline, or
 * after its own `timeoutMs` when that is sooner, or after 10 s when there is neither (`timeoutMs: 0` lifts the 10 s, for
 * streams), and rejects with a Failure and nothing else. Wrapping the transport, rather than registering Connect
 * interceptors, is what lets a Failure through: Connect rewraps what its interceptors throw.
 */
export function interceptClient(transport: Transport, options: ClientInterceptorOptions): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const call = beginCall(options, method, signal, timeoutMs, header);
      try {
        call.signal.throwIfAborted();
        return await transport.unary(method, call.signal, call.timeoutMs, call.header, input, contextValues);
      } catch (err) {
        throw call.toFailure(err);
      } finally {
        call.end();
      }
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const call = beginCall(options, method, signal, timeoutMs, header);
      try {
        call.signal.throwIfAborted();
        const answer = await transport.stream(method, call.signal, call.timeoutMs, call.header, input, contextValues);
        return { ...answer, message: untilEnd(answer.message, call) };
      } catch (err) {
        const failure = call.toFailure(err);
        call.end();
        throw failure;
      }
    },
  };
}

async function* untilEnd<T>(messages: AsyncIterable<T>, call: ClientCall): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (err) {
    throw call.toFailure(err);
  } finally {
    call.end();
  }
}

interface ClientCall {
  /** Aborts on the caller's signal, at the deadline and at the end of the call. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
  readonly header: Record<string, string>;
  toFailure(err: unknown): Failure;
  /** Frees the timer and tells the callee that nobody listens any more. May be repeated. */
  end(): void;
}

function beginCall(
  options: ClientInterceptorOptions,
  method: DescMethod,
  outerSignal: AbortSignal | undefined,
  ownTimeoutMs: number | undefined,
  ownHeader: HeadersInit | undefined,
): ClientCall {
  const { clock } = options;
  const outer = currentContext() ?? fromContextHeaders(() => undefined, clock);
  const span = outer.tracer?.open(`${options.service}.${method.localName}`, outer, { kind: "client" });
  const context = span?.context ?? outer;
  const startMs = clock.monotonicMs();
  const timeoutMs = chooseTimeoutMs(ownTimeoutMs, context.deadlineMs, startMs);
  const deadlineMs = timeoutMs === undefined ? undefined : startMs + timeoutMs;
  const controller = new AbortController();
  // A callee in this process must not run its abort listeners inside its caller's context.
  const abort = (reason: ConnectError) => runDetached(() => controller.abort(reason));
  const cancel = () => abort(canceled);

  const cancelTimer = timeoutMs === undefined ? () => {} : clock.setTimer(timeoutMs, () => abort(expired));
  outerSignal?.addEventListener("abort", cancel);
  if (outerSignal?.aborted) abort(canceled);
  else if (timeoutMs === 0) abort(expired);

  return {
    signal: controller.signal,
    timeoutMs,
    header: {
      ...toRecord(ownHeader),
      ...toContextHeaders({ ...context, deadlineMs }, clock),
      ...toServiceHeader(options.from),
    },
    toFailure(err) {
      if (isFailure(err)) return err;
      const { reason } = controller.signal;
      const error = reason === expired || reason === canceled ? reason : ConnectError.from(err);
      const failure = fromConnectError(error) ?? fromStatus(error, options.service, method, timeoutMs);
      // The policy above must know it of the failure, which does not carry the answer's headers.
      if (wasUnprocessed(error)) markUnsent(failure);
      if (span) noteError(span, failure);
      return failure;
    },
    end() {
      span?.end();
      cancelTimer();
      outerSignal?.removeEventListener("abort", cancel);
      if (!controller.signal.aborted) abort(ended);
    },
  };
}

function chooseTimeoutMs(own: number | undefined, deadlineMs: number | undefined, nowMs: number): number | undefined {
  const remainingMs = deadlineMs === undefined ? undefined : Math.max(0, Math.ceil(deadlineMs - nowMs));
  if (own === undefined) return remainingMs ?? defaultTimeoutMs;
  if (own <= 0) return remainingMs;
  return Math.min(Math.ceil(own), remainingMs ?? maxTimeoutMs, maxTimeoutMs);
}

function toRecord(header: HeadersInit | undefined): Record<string, string> {
  return header === undefined ? {} : Object.fromEntries(new Headers(header));
}

/**
 * What a bare gRPC status means to a caller: one sent by no service of ours, or made by the transport. What it really
 * was is the failure's cause, which the edge logs.
 */
function fromStatus(err: ConnectError, service: string, method: DescMethod, timeoutMs: number | undefined): Failure {
  if (err === canceled) return new Failure(kitFailures.canceled);
  switch (err.code) {
    case Code.DeadlineExceeded:
      return new Failure(kitFailures.deadline_exceeded, { timeoutMs: timeoutMs ?? 0 });
    case Code.Unimplemented:
      return new Failure(kitFailures.unimplemented, { method: `${method.parent.typeName}/${method.name}` });
    // The peer, or the connection to it, went away: Connect calls this Aborted or Canceled when the caller did not.
    case Code.Unavailable:
    case Code.Aborted:
    case Code.Canceled:
      return new Failure(kitFailures.unavailable, { service }, { cause: err });
    default:
      return isConnectionError(err)
        ? new Failure(kitFailures.unavailable, { service }, { cause: err })
        : new Failure(kitFailures.internal, {}, { cause: err });
  }
}

/** True when a socket's or an HTTP/2 session's own error is somewhere in the chain of causes. */
function isConnectionError(err: unknown, depth = 0): boolean {
  if (!(err instanceof Error) || depth > 8) return false;
  const code = "code" in err && typeof err.code === "string" ? err.code : "";
  return (
    /^(E[A-Z0-9]+|ERR_HTTP2_(ERROR|\w*(SESSION|STREAM|PING)\w*))$/.test(code) || isConnectionError(err.cause, depth + 1)
  );
}
