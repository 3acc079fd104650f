import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Secret } from "../config/secret.ts";
import { maxMessageBytes } from "./peer-limits.ts";

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
  const sessionManager = new Http2SessionManager(url, {
    pingIntervalMs: 30_000,
    pingIdleConnection: true,
    pingTimeoutMs: 10_000,
    idleConnectionTimeoutMs: 1_800_000,
  });
  const authorize: Interceptor = (next) => (req) => {
    req.header.set("authorization", `Bearer ${token.reveal()}`);
    return next(req);
  };
  const transport = createGrpcTransport({
    baseUrl: url,
    sessionManager,
    interceptors: [authorize],
    acceptCompression: [],
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
  });
  return { transport, close: () => sessionManager.abort() };
}
