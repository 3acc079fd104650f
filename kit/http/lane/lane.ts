import { type Socket, Socket as TcpSocket } from "node:net";
import type { Clock } from "../../service/clock.ts";
import type { HttpServer } from "../http-server.ts";
import type { OpenExchange } from "../intake.ts";
import { type Connection, createConnection, type HandOverReason } from "./connection.ts";
import { createHeadTable, type HeadTableOptions } from "./head-table.ts";
import { createHeadParser } from "./parse-head.ts";
import type { LaneReply } from "./reply.ts";
import type { LaneRequest } from "./request.ts";

export interface LaneOptions extends HeadTableOptions {
  /** The ordinary server: owns the port, and serves whatever is not hot as if there were no lane. */
  readonly server: HttpServer;
  /** Serves a hot request, now or later. Must not throw. Called once for each; the reply is good for this one alone. */
  readonly onRequest: (request: LaneRequest, reply: LaneReply) => void;
  readonly clock: Clock;
  /** Not above the ordinary server's `maxHeaderBytes`. */
  readonly maxHeadBytes?: number;
  readonly maxHeaders?: number;
  /** A request with a larger body is not hot. */
  readonly maxBodyBytes?: number;
  /** What all incomplete requests may take together; one that needs more goes the ordinary way, which reads no body unasked. */
  readonly maxHeldBytes?: number;
  /** A request that is not whole by then goes the ordinary way, whose own limits begin. */
  readonly patienceMs?: number;
  /** An idle connection ends, whether or not it was ever used, and so does one that stops taking an answer that has ended. */
  readonly keepAliveTimeoutMs?: number;
}

export interface LaneStats {
  /** Connections in the lane now. */
  readonly connections: number;
  /** Hot requests so far, those that were then handed over by whoever served them included. */
  readonly requests: number;
  /** Connections given to the ordinary server so far, by reason. */
  readonly handedOver: Readonly<Partial<Record<HandOverReason, number>>>;
}

/** The ordinary server with a lane before it; used in its place. */
export interface Lane extends HttpServer {
  stats(): LaneStats;
  /** Visits what is under way in the lane, as far as whoever serves it says. */
  forEachOpen(visit: (exchange: OpenExchange) => void): void;
}

/** How coarse the lane's time is. A look at 20,000 connections takes a tenth of a millisecond. */
const maxTickMs = 1_000;

/**
 * Puts a lane before a server that does not listen yet: hot requests are served by `onRequest`, and a connection goes to
 * the server, with every byte that was not answered, at the first that is not hot. Throws a TypeError for a table that
 * contradicts itself.
 */
export function createLane(options: LaneOptions): Lane {
  const { server, clock, patienceMs = 5_000, keepAliveTimeoutMs = 75_000, maxHeldBytes = 67_108_864 } = options;
  const table = createHeadTable(options);
  const { maxHeadBytes = 16_384, maxHeaders = 100, maxBodyBytes = 1_048_576 } = options;
  const parse = createHeadParser(table, { maxHeadBytes, maxHeaders, maxBodyBytes });
  const tickMs = Math.min(maxTickMs, patienceMs, keepAliveTimeoutMs);
  const connections = new Set<Connection>();
  const handedOver: Partial<Record<HandOverReason, number>> = {};
  let heldBytes = 0;
  let requests = 0;
  let isClosing = false;
  let nowMs = 0;
  let commonHeaders = "";
  let cancelTick = () => {};
  const ordinary = takeConnections(server);
  server.server.on("connection", (socket: Socket) => {
    // Something else that a caller injects, such as a stream of its own, is not read by the lane.
    if (!(socket instanceof TcpSocket)) ordinary(socket);
    else connections.add(createConnection(socket, core));
  });

  const core = {
    parse,
    targets: table.targets,
    onRequest(request: LaneRequest, reply: LaneReply) {
      requests++;
      options.onRequest(request, reply);
    },
    // The time of the last tick is up to a tick old.
    dueIn: (limitMs: number) => nowMs + tickMs + limitMs,
    commonHeaders: () => commonHeaders,
    patienceMs,
    keepAliveTimeoutMs,
    takeRoom(bytes: number) {
      if (heldBytes + bytes > maxHeldBytes) return false;
      heldBytes += bytes;
      return true;
    },
    giveRoom(bytes: number) {
      heldBytes -= bytes;
    },
    isClosing: () => isClosing,
    handOver(socket: Socket, reason: HandOverReason, unread: readonly Buffer[]) {
      handedOver[reason] = (handedOver[reason] ?? 0) + 1;
      if (socket.destroyed) return;
      // Nothing flows until the ordinary server listens; then the unread bytes come first.
      socket.pause();
      for (const bytes of unread.toReversed()) socket.unshift(bytes);
      ordinary(socket);
      socket.resume();
    },
    onGone: (connection: Connection) => void connections.delete(connection),
  };

  function readClock(): void {
    nowMs = clock.monotonicMs();
    const kept = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1_000)}\r\n`;
    const date = new Date(clock.nowMs()).toUTCString();
    commonHeaders = `Date: ${date}\r\n${isClosing ? "Connection: close\r\n" : kept}`;
  }

  function tick(): void {
    readClock();
    for (const connection of connections) if (connection.dueMs <= nowMs) connection.expire();
    cancelTick = clock.setTimer(tickMs, tick);
  }

  readClock();
  return {
    server: server.server,
    async listen(address) {
      const port = await server.listen(address);
      tick();
      return port;
    },
    async close(signal) {
      isClosing = true;
      readClock();
      for (const connection of connections) connection.endIfIdle();
      const destroyAll = () => {
        for (const connection of connections) connection.destroy();
      };
      signal.addEventListener("abort", destroyAll, { once: true });
      // The ordinary server counts every socket of its port, those in the lane too.
      const closed = server.close(signal);
      if (signal.aborted) destroyAll();
      await closed;
      signal.removeEventListener("abort", destroyAll);
      cancelTick();
    },
    forEachOpen(visit) {
      for (const connection of connections) {
        const exchange = connection.exchange();
        if (exchange) visit(exchange);
      }
    },
    stats: () => ({ connections: connections.size, requests, handedOver: { ...handedOver } }),
  };
}

/**
 * Takes the server's own listeners for new connections away; what is returned calls them. One server then owns the port,
 * its count of connections and its limits, whoever reads a connection.
 */
function takeConnections({ server }: HttpServer): (socket: Socket) => void {
  const listeners = server.listeners("connection");
  server.removeAllListeners("connection");
  return (socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
}
