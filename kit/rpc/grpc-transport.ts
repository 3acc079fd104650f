import { type ClientHttp2Stream, constants } from "node:http2";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, type GrpcTransportOptions, Http2SessionManager } from "@connectrpc/connect-node";
import type { Secret } from "../config/secret.ts";
import { maxMessageBytes } from "./peer-limits.ts";
import { markUnsent } from "./unsent.ts";
import { wireFormOf } from "./wire-form.ts";

type Header = ConstructorParameters<typeof Headers>[0];

/** A connection to one peer, shared by the clients of every service that it hosts. */
export interface PeerConnection {
  /** gRPC over HTTP/2. To be intercepted (client-interceptor.ts) before use. */
  readonly transport: Transport;
  /** Ends every call that is still under way, and the connection. */
  close(): void;
}

/**
 * A connection to the peer at `url`, such as `http://10.0.0.7:7400`, on which `token` is sent with each call. Nothing is
 * opened before the first call; a lost connection is opened again by the next one. Pings every 30 s, also while idle.
 */
export function connectPeer(url: string, token: Secret): PeerConnection {
  const sessions = new Http2SessionManager(url, {
    pingIntervalMs: 30_000,
    pingIdleConnection: true,
    pingTimeoutMs: 10_000,
    idleConnectionTimeoutMs: 1_800_000,
  });
  const grpc = createGrpcTransport({
    baseUrl: url,
    sessionManager: withErrorsHeard(sessions),
    acceptCompression: [],
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
  });
  // The peer is told the deadline here, and the caller's side of it is the interceptor's: a timer of Connect's would
  // outlive a stream that nobody reads to its end.
  const toHeaders = (header: Header, timeoutMs: number | undefined) => {
    const headers = new Headers(header);
    headers.set("authorization", `Bearer ${token.reveal()}`);
    if (timeoutMs !== undefined) headers.set("grpc-timeout", `${timeoutMs}m`);
    return headers;
  };
  return {
    transport: {
      unary: (method, signal, timeoutMs, header, input, values) =>
        grpc.unary(method, signal, undefined, toHeaders(header, timeoutMs), wireFormOf(input), values),
      stream: (method, signal, timeoutMs, header, input, values) =>
        grpc.stream(method, signal, undefined, toHeaders(header, timeoutMs), input, values),
    },
    close: () => sessions.abort(),
  };
}

type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

/**
 * Connect stops listening to a session at its first error, and Node may raise a second one, which nobody would hear and
 * which would end the process: a peer that answers with junk must not be able to do that.
 */
function withErrorsHeard(sessions: Http2SessionManager): SessionManager {
  const heard = new WeakSet<object>();
  return {
    authority: sessions.authority,
    notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
    async request(method, path, headers, options) {
      const stream = await requestOrMark(() => sessions.request(method, path, headers, options));
      const { session } = stream;
      if (session && !heard.has(session)) {
        heard.add(session);
        session.on("error", () => {});
        // Connect's timer of pings may outlive a session, and Node throws at a ping of one that is destroyed.
        const ping = session.ping.bind(session) as (...args: unknown[]) => boolean;
        session.ping = (...args: unknown[]) => !session.destroyed && ping(...args);
      }
      return stream;
    },
  };
}

/** Errors of a call that never reached the peer are marked as such: there was no connection, or the stream was refused. */
async function requestOrMark(request: () => Promise<ClientHttp2Stream>): Promise<ClientHttp2Stream> {
  try {
    const stream = await request();
    // Heard before Connect hears it, so that the mark is there when Connect's error is made of this one.
    stream.on("error", (err) => {
      if (stream.pending || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) markUnsent(err);
    });
    return stream;
  } catch (err) {
    markUnsent(err);
    throw err;
  }
}
