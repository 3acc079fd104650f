import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { createTimerWheel } from "../../../service/timer-wheel.ts";
import { createFakeClock, type FakeClock } from "../../../testing/fake-clock.ts";
import { composeRequest, toRequestStart } from "../request-bytes.ts";
import type { ResponseHead } from "../response-head.ts";
import type { UpstreamCall } from "../upstream-call.ts";
import type { UpstreamError } from "../upstream-error.ts";
import { createUpstreamPool, readBufferBytes, type UpstreamPool, type UpstreamPoolOptions } from "../upstream-pool.ts";

/** A peer that does with each connection what a test tells it. */
export interface TestPeer {
  readonly port: number;
  readonly sockets: readonly Socket[];
  /** Every request it got, in order: the text that came with one body. */
  readonly requests: readonly string[];
}

/** Does something with a request: `text` is head and body, `nth` counts from 0 over all connections. */
export type OnRequest = (socket: Socket, text: string, nth: number) => void;

/** Serves on a free port until the test ends. Requests are told apart by their `content-length`. */
export async function startPeer(t: TestContext, onRequest: OnRequest, tls?: TlsOptions): Promise<TestPeer> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const serve = (socket: Socket) => {
    sockets.push(socket);
    let text = "";
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (more: string) => {
      text += more;
      for (let size = sizeOf(text); size > 0 && text.length >= size; size = sizeOf(text)) {
        const request = text.slice(0, size);
        text = text.slice(size);
        requests.push(request);
        onRequest(socket, request, requests.length - 1);
      }
    });
  };
  const server: Server = tls ? createTlsServer(tls, serve) : createServer(serve);
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, requests };
}

/** The size of the request that `text` begins with, or 0 while its head is not whole. */
function sizeOf(text: string): number {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return 0;
  return end + 4 + Number(/\r\ncontent-length: (\d+)/.exec(text.slice(0, end))?.[1] ?? 0);
}

export interface TestPool extends UpstreamPool {
  readonly clock: FakeClock;
  /** POSTs a body and records what comes back. */
  post(body: string, on?: Partial<Pick<TestCall, "onHead" | "onData">>): TestCall;
}

/** A call and what it has heard. */
export interface TestCall {
  readonly call: UpstreamCall;
  head: ResponseHead | undefined;
  body: string;
  /** Resolves at the end, with the error if it failed. */
  readonly ended: Promise<UpstreamError | undefined>;
  /** Resolves with the head. */
  readonly begun: Promise<ResponseHead>;
  onHead?: () => void;
  onData?: (bytes: Buffer) => void;
}

/** A pool for a peer of this machine, on a clock that only the test moves. Closed when the test ends. */
export function createTestPool(t: TestContext, port: number, given: Partial<UpstreamPoolOptions> = {}): TestPool {
  const clock = createFakeClock();
  const pool = createUpstreamPool(
    {
      ...{ origin: `http://127.0.0.1:${port}`, maxConnections: 100, maxQueue: 100, queueTimeoutMs: 10_000 },
      ...{ connectTimeoutMs: 1_000, headTimeoutMs: 5_000, idleTimeoutMs: 2_000, keepAliveMs: 30_000 },
      maxAgeMs: 600_000,
      ...given,
    },
    { clock, wheel: createTimerWheel({ tickMs: 10, clock }), readBuffer: Buffer.alloc(readBufferBytes) },
  );
  t.after(() => pool.close());
  const start = toRequestStart({ method: "POST", path: "/", authority: pool.authority, headers: {} });
  return {
    ...pool,
    clock,
    post(body, on = {}) {
      const ended = Promise.withResolvers<UpstreamError | undefined>();
      const begun = Promise.withResolvers<ResponseHead>();
      const call = pool.send(composeRequest(start, Buffer.from(body)), {
        onHead(head) {
          record.head = head;
          begun.resolve(head);
          on.onHead?.();
        },
        onData(bytes) {
          record.body += bytes.toString("latin1");
          on.onData?.(bytes);
        },
        onEnd: () => ended.resolve(undefined),
        onError: (err) => ended.resolve(err),
      });
      const record: TestCall = { call, head: undefined, body: "", ended: ended.promise, begun: begun.promise };
      return record;
    },
  };
}

/** A whole answer. */
export function answerOf(body: string, fields = ""): string {
  return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** The body of a request that the peer got. */
export function bodyOf(request: string): string {
  return request.slice(request.indexOf("\r\n\r\n") + 4);
}

/** Goes on when `isTrue`, which is asked after each turn of the loop. The test's own limit ends it. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
