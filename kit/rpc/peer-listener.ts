import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { isWebSocketRequest, takeUpgrades } from "../http/upgrade.ts";
import type { Clock } from "../service/clock.ts";
import { firstBytesTimeoutMs, maxConcurrentStreams, maxConnections, maxHeaderBytes } from "./peer-limits.ts";
import type { PeerRouter } from "./peer-router.ts";

export interface PeerListenerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly router: PeerRouter;
  /** Serves HTTP/1.1. Nothing is checked before it: who may ask for what is its own decision. */
  readonly onRequest: (req: IncomingMessage, res: ServerResponse) => void;
  readonly clock: Clock;
}

/** The port that the other processes of the installation call. */
export interface PeerListener {
  /** `http://host:port`, with the port that was really bound. */
  readonly url: string;
  /** Accepts no more. Resolves when what is under way has ended; once `signal` aborts, it is cut off. May be repeated. */
  close(signal: AbortSignal): Promise<void>;
}

/**
 * Listens for gRPC (HTTP/2 with prior knowledge, RFC 9113 §3.3) and HTTP/1.1 on one port, told apart by the first bytes
 * of each connection. Rejects when the address cannot be bound.
 */
export async function listenForPeers(options: PeerListenerOptions): Promise<PeerListener> {
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  let isCutOff = false;
  const http2 = createHttp2Server(
    { settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderBytes } },
    options.router.handle,
  );
  const http1 = createHttpServer(
    { maxHeaderSize: maxHeaderBytes, shouldUpgradeCallback: isWebSocketRequest },
    (req, res) => {
      res.once("close", () => !server.listening && http1.closeIdleConnections());
      options.onRequest(req, res);
    },
  );
  takeUpgrades(http1, options.onRequest);
  // It never listens itself; this is what starts its watch over slow headers and idle connections.
  http1.emit("listening");

  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
    // Accepted by the system before we closed, and told only now.
    if (isCutOff) return void socket.destroy();
    sockets.add(socket);
    undecided.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
    });
    // A connection may break at any time; whoever waits for an answer on it is told by its own server.
    socket.on("error", () => socket.destroy());
    readProtocol(socket, options.clock, (protocol) => {
      undecided.delete(socket);
      if (protocol === "http2") return http2.emit("connection", socket);
      socket.allowHalfOpen = true;
      http1.emit("connection", socket);
      socket.resume();
    });
  });
  server.maxConnections = maxConnections;
  // Also in a process that shares its public port with others: peers mean this one.
  server.listen({ port: options.port, host: options.host, exclusive: true });
  await once(server, "listening");

  let closed: Promise<unknown> | undefined;
  return {
    url: toUrl(server.address() as AddressInfo),
    async close(signal) {
      if (!closed) {
        closed = once(server, "close");
        server.close();
        http2.close();
        http1.close();
        destroyAll(undecided);
      }
      const cutOff = () => {
        isCutOff = true;
        destroyAll(sockets);
      };
      if (signal.aborted) cutOff();
      signal.addEventListener("abort", cutOff, { once: true });
      await closed;
      signal.removeEventListener("abort", cutOff);
    },
  };
}

function destroyAll(sockets: Iterable<Socket>): void {
  for (const socket of sockets) socket.destroy();
}

const http2Preface = Buffer.from("PRI");

/** Calls `onProtocol` once, as soon as the bytes decide, with the socket paused and every byte still to be read. */
function readProtocol(socket: Socket, clock: Clock, onProtocol: (protocol: "http1" | "http2") => unknown): void {
  const cancelTimer = clock.setTimer(firstBytesTimeoutMs, () => socket.destroy());
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const start = received.subarray(0, http2Preface.length);
    const isHttp2 = start.equals(http2Preface);
    // No method of HTTP/1.1 begins like the preface, but PUT, POST and PATCH share its first letter.
    if (!isHttp2 && start.length < http2Preface.length && http2Preface.subarray(0, start.length).equals(start)) return;
    cancelTimer();
    socket.off("data", onData);
    socket.pause();
    socket.unshift(received);
    onProtocol(isHttp2 ? "http2" : "http1");
  };
  socket.on("data", onData);
  socket.once("close", cancelTimer);
}

function toUrl({ family, address, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
