import { AsyncLocalStorage } from "node:async_hooks";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext, type ServiceImpl, type Transport } from "@connectrpc/connect";
import type { Clock } from "../service/clock.ts";
import { copyMessage } from "./copy-message.ts";
import { untilAborted } from "./signals.ts";

type Header = ConstructorParameters<typeof Headers>[0];
type OneHandler = (input: unknown, context: HandlerContext) => Promise<object>;
type StreamHandler = (input: unknown, context: HandlerContext) => AsyncIterable<object>;

/**
 * A transport that calls an intercepted implementation (server-interceptor.ts) in this process, without bytes and
 * without a socket. Messages are copied both ways, so that neither side can reach into the other's. What only
 * serialising would find does not show here: a message over the size limit, a number out of its field's range.
 */
export function createInProcessTransport<Contract extends DescService>(
  implementation: ServiceImpl<Contract>,
  clock: Clock,
): Transport {
  const handlers = implementation as Readonly<Record<string, unknown>>;
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const context = createContext(method, signal, timeoutMs, header, clock);
      const handle = handlers[method.localName] as OneHandler;
      const answer = await handle(toMessage(method.input, input), context);
      return {
        stream: false,
        service: method.parent,
        method,
        header: context.responseHeader,
        message: toMessage(method.output, answer),
        trailer: context.responseTrailer,
      };
    },
    async stream(method, signal, timeoutMs, header, input) {
      const context = createContext(method, signal, timeoutMs, header, clock);
      const requests = readRequests(method.input, input, context.signal);
      context.signal.addEventListener("abort", () => void requests.return().catch(() => {}));
      const answers = exchange(method, handlers[method.localName], requests, context);
      // Asked for at once: over the wire a callee starts when it is called, not when its answers are read.
      const first = await answers.next();
      return {
        stream: true,
        service: method.parent,
        method,
        header: context.responseHeader,
        message: resume(first, answers),
        trailer: context.responseTrailer,
      };
    },
  };
}

function toMessage<Desc extends DescMessage>(desc: Desc, init: object): MessageShape<Desc> {
  return copyMessage(create(desc, init as MessageInitShape<Desc>));
}

/** The caller's messages as its callee reads them: made in the caller's async context, and only while the call lasts. */
function readRequests<Desc extends DescMessage>(desc: Desc, input: AsyncIterable<object>, signal: AbortSignal) {
  const inCaller = AsyncLocalStorage.snapshot();
  const iterator = input[Symbol.asyncIterator]();
  return (async function* (): AsyncGenerator<MessageShape<Desc>, void> {
    try {
      for (;;) {
        const next = await untilAborted(
          signal,
          inCaller(() => iterator.next()),
        );
        if (next.done) return;
        yield toMessage(desc, next.value);
      }
    } finally {
      inCaller(() => iterator.return?.())?.catch(() => {});
    }
  })();
}

async function* exchange<Desc extends DescMessage>(
  method: DescMethod & { readonly output: Desc },
  handle: unknown,
  requests: AsyncGenerator<object>,
  context: HandlerContext,
): AsyncGenerator<MessageShape<Desc>> {
  if (method.methodKind === "client_streaming") {
    yield toMessage(method.output, await (handle as OneHandler)(requests, context));
    return;
  }
  const input = method.methodKind === "server_streaming" ? (await requests.next()).value : requests;
  for await (const answer of (handle as StreamHandler)(input, context)) yield toMessage(method.output, answer);
}

async function* resume<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

function createContext(
  method: DescMethod,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  header: Header,
  clock: Clock,
): HandlerContext {
  const deadlineMs = timeoutMs === undefined ? undefined : clock.monotonicMs() + timeoutMs;
  return {
    method,
    service: method.parent,
    signal: signal ?? new AbortController().signal,
    timeoutMs: () => (deadlineMs === undefined ? undefined : deadlineMs - clock.monotonicMs()),
    requestMethod: "POST",
    requestHeader: new Headers(header),
    responseHeader: new Headers(),
    responseTrailer: new Headers(),
    protocolName: "in-process",
    values: createContextValues(),
    url: `in-process:///${method.parent.typeName}/${method.name}`,
  };
}
