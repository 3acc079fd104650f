import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { judgeError, type Verdict } from "../resilience/judge-error.ts";
import { fromConnectError } from "./failure-codec.ts";
import type { Pool } from "./pool.ts";
import type { PoolCall, PoolEndpoint } from "./pool-endpoint.ts";
import { untilAborted } from "./signals.ts";
import { wasUnprocessed } from "./unsent.ts";

/** Endpoints that one call may be offered to. Each but the last has certainly not begun with it. */
const maxOffers = 3;

export interface PoolTransportOptions {
  readonly pool: Pool;
  /** Resolves when the pool's endpoints have been asked for, whatever came of it. */
  readonly ready: Promise<void>;
  /** Told when a call that never reached its endpoint is offered to another one. */
  readonly onReoffer: () => void;
}

/**
 * A transport that sends each call to one endpoint of a pool. A call that was not processed there is offered to up to two
 * others; every other error is the caller's, whose own policy knows whether a repeat is safe.
 */
export function createPoolTransport(options: PoolTransportOptions): Transport {
  return {
    unary(method, signal, timeoutMs, header, input, values) {
      return offer(options, signal, async (call) => {
        const { transport } = call.connection;
        const answer = await transport.unary(method, signal, timeoutMs, header, input, values);
        call.end("success");
        return answer;
      });
    },
    stream(method, signal, timeoutMs, header, input, values) {
      const requests = createRequests(input);
      return offer(
        options,
        signal,
        async (call) => {
          const { transport } = call.connection;
          const answer = await transport.stream(method, signal, timeoutMs, header, requests.read(), values);
          call.answered();
          // A reader that leaves early aborts the signal, and may never come back for the rest.
          signal?.addEventListener("abort", () => call.end(judgeEnd(signal.reason, signal)), { once: true });
          return { ...answer, message: untilEnd(answer.message, call, signal) };
        },
        () => !requests.wereRead(),
      );
    },
  };
}

async function offer<T>(
  { pool, ready, onReoffer }: PoolTransportOptions,
  signal: AbortSignal | undefined,
  send: (call: PoolCall) => Promise<T>,
  isRepeatable: () => boolean = () => true,
): Promise<T> {
  if (pool.list().length === 0) await (signal ? untilAborted(signal, ready) : ready);
  const tried = new Set<PoolEndpoint>();
  let endpoint = pool.pick();
  if (!endpoint) throw new ConnectError("no endpoint of this service is known", Code.Unavailable);
  for (;;) {
    const call = endpoint.begin();
    try {
      return await send(call);
    } catch (err) {
      call.end(judgeEnd(err, signal));
      tried.add(endpoint);
      const isOver = signal?.aborted || tried.size >= maxOffers || !wasUnprocessed(err) || !isRepeatable();
      const next = isOver ? undefined : pool.pick(tried);
      if (!next) throw err;
      endpoint = next;
      onReoffer();
    }
  }
}

async function* untilEnd<T>(messages: AsyncIterable<T>, call: PoolCall, signal: AbortSignal | undefined) {
  try {
    yield* messages;
    call.end("success");
  } catch (err) {
    call.end(judgeEnd(err, signal));
    throw err;
  } finally {
    call.end("ignored");
  }
}

/** Statuses that say, when no service of ours sent them, that the endpoint or the way to it is broken. */
const brokenCodes: ReadonlySet<Code> = new Set([
  ...[Code.Unavailable, Code.Aborted, Code.Canceled, Code.DeadlineExceeded],
  ...[Code.Internal, Code.Unknown, Code.DataLoss],
]);

/** What the error of a call says about its endpoint. A deadline that passed counts against it; a caller that left does not. */
function judgeEnd(err: unknown, signal: AbortSignal | undefined): Verdict {
  if (signal?.aborted) {
    const { reason } = signal;
    return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded ? "failure" : "ignored";
  }
  const error = ConnectError.from(err);
  const failure = fromConnectError(error);
  if (failure) return judgeError(failure);
  if (error.code === Code.ResourceExhausted) return "ignored";
  return brokenCodes.has(error.code) ? "failure" : "success";
}

/** A caller's messages, which an attempt that fails before it has read any of them leaves untouched for the next. */
function createRequests<T>(input: AsyncIterable<T>) {
  const iterator = input[Symbol.asyncIterator]();
  let wereRead = false;
  const done = async (): Promise<IteratorResult<T>> => ({ done: true, value: undefined });
  return {
    wereRead: () => wereRead,
    read: (): AsyncIterable<T> => ({
      [Symbol.asyncIterator]: () => ({
        next() {
          wereRead = true;
          return iterator.next();
        },
        return: (value) => (wereRead ? (iterator.return?.(value) ?? done()) : done()),
        async throw(err) {
          if (wereRead && iterator.throw) return iterator.throw(err);
          throw err;
        },
      }),
    }),
  };
}
