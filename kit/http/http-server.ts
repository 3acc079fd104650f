import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import type { Clock } from "../service/clock.ts";
import { isWebSocketRequest, takeUpgrades } from "./upgrade.ts";

export interface HttpServerOptions {
  readonly onRequest: (req: IncomingMessage, res: ServerResponse) => void;
  readonly clock: Clock;
  /** A request's head must be here by then; 408 otherwise. */
  readonly headersTimeoutMs?: number;
  /** A request's body must be here by then; 408 otherwise. Answers may stream for as long as they like. */
  readonly requestTimeoutMs?: number;
  /** Longer than the 60 s after which common balancers give a connection up, so that it is they who close it. */
  readonly keepAliveTimeoutMs?: number;
  readonly maxConnections?: number;
  readonly maxHeaderBytes?: number;
}

/** A listener with limits on everything that a client can make last or grow. */
export interface HttpServer {
  /** The stock server, for whoever hands it connections. */
  readonly server: Server;
  /** Listens and gives the port, the free one chosen for port 0. Throws `kit.cannot_listen`. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /**
   * Stops accepting, ends idle connections and waits for requests under way; ends those too when `signal` aborts.
   * Resolves when no connection is left.
   */
  close(signal: AbortSignal): Promise<void>;
}

const closeIdleEveryMs = 50;
/** A peer that has gone without a word is asked for after so long, and given up ten unanswered questions, a second apart, later. */
const keepAliveInitialDelayMs = 30_000;

/** A server that is not listening yet. Malformed requests are answered 400 and their connections closed, by node:http. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { onRequest, clock, headersTimeoutMs = 15_000, requestTimeoutMs = 120_000 } = options;
  const sockets = new Set<Socket>();
  let isClosing = false;
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, headersTimeoutMs, requestTimeoutMs),
      keepAliveTimeout: options.keepAliveTimeoutMs ?? 75_000,
      maxHeaderSize: options.maxHeaderBytes ?? 16_384,
      insecureHTTPParser: false,
      requireHostHeader: true,
      noDelay: true,
      ...{ keepAlive: true, keepAliveInitialDelay: keepAliveInitialDelayMs },
      shouldUpgradeCallback: isWebSocketRequest,
    },
    (req, res) => {
      if (isClosing) res.shouldKeepAlive = false;
      onRequest(req, res);
    },
  );
  takeUpgrades(server, onRequest);
  server.maxConnections = options.maxConnections ?? 20_000;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });

  return {
    server,
    listen: ({ host, port }) => listen(server, host, port),
    close(signal) {
      isClosing = true;
      return new Promise((resolve) => {
        // A connection that falls idle after its last answer is not closed by node:http itself.
        const closeIdle = () => {
          server.closeIdleConnections();
          cancel = clock.setTimer(closeIdleEveryMs, closeIdle);
        };
        let cancel = clock.setTimer(closeIdleEveryMs, closeIdle);
        const destroyAll = () => {
          for (const socket of sockets) socket.destroy();
        };
        signal.addEventListener("abort", destroyAll, { once: true });
        server.close(() => {
          cancel();
          signal.removeEventListener("abort", destroyAll);
          resolve();
        });
        if (signal.aborted) destroyAll();
      });
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException) => {
      const [reason, reason_zh_CN] = listenReasons[cause.code ?? ""] ?? [cause.message, cause.message];
      const details = { address: `${host}:${port}`, reason, reason_zh_CN };
      reject(new Failure(kitFailures.cannot_listen, details, { cause }));
    };
    server.once("error", onError);
    server.listen(port, host, () => {
      server.removeListener("error", onError);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}

const listenReasons: Readonly<Record<string, readonly [en: string, zh: string]>> = {
  EADDRINUSE: [
    "another program listens there already. Stop it, or choose another port.",
    "该地址已被其他程序占用。请停止该程序，或改用其他端口。",
  ],
  EACCES: [
    "this user may not use that port. Choose one above 1023.",
    "当前用户无权使用该端口。请改用 1023 以上的端口。",
  ],
  EADDRNOTAVAIL: ["this machine has no such address.", "本机没有该地址。"],
};
