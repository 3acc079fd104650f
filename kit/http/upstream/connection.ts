import { connect as connectPlain, isIP, type LookupFunction, type Socket, type TcpNetConnectOpts } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { createTimerEntry, type TimerWheel } from "../../service/timer-wheel.ts";
import { type AnswerEvents, createAnswerReader } from "./answer-reader.ts";
import type { ResponseHead } from "./response-head.ts";
import type { Connection, UpstreamCall, UpstreamLimits } from "./upstream-call.ts";
import { MalformedAnswer, UpstreamError, type UpstreamErrorKind } from "./upstream-error.ts";

/** Where a connection goes. */
export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  /** Undefined for plain TCP. */
  readonly tls: Pick<ConnectionOptions, "ca" | "session"> | undefined;
  readonly lookup: LookupFunction | undefined;
}

export interface ConnectionDeps {
  readonly wheel: TimerWheel;
  readonly limits: UpstreamLimits;
  /**
   * Read into by every connection. Safe to share: a read and its callback are one step of the event loop, and nothing of it
   * is kept beyond that.
   */
  readonly readBuffer: Buffer;
  /** The connection can take a call: it has come about, or an answer has ended. `keepAliveMs` as the peer gave it. */
  onFree(connection: Connection, keepAliveMs: number | undefined): void;
  /** It is closed and takes nothing any more. `err` where it never came about. Called once. */
  onGone(connection: Connection, err: UpstreamError | undefined): void;
  /** A TLS session that the next connection may resume. */
  onSession(session: Buffer): void;
}

/** How much of an answer that nobody wants is read to keep the connection, and for how long. */
const maxRestBytes = 16_384;
const restTimeoutMs = 1_000;
const tcpKeepAliveMs = 60_000;

type State = "connecting" | "free" | "awaiting_head" | "in_body" | "in_rest" | "gone";

/** Opens a connection. Nothing is called before this returns. */
export function openConnection(target: ConnectionTarget, deps: ConnectionDeps): Connection {
  const { wheel, limits } = deps;
  const reader = createAnswerReader();
  let state: State = "connecting";
  let call: UpstreamCall | undefined;
  let head: ResponseHead | undefined;
  let isPaused = false;
  let hasProgress = false;
  let restBytes = 0;

  const timer = createTimerEntry(() => {
    if (state === "connecting") fail("connect_timeout", "the connection took too long", limits.connectTimeoutMs);
    else if (state === "awaiting_head") fail("head_timeout", "the answer did not begin in time", limits.headTimeoutMs);
    else if (state === "in_body") fail("idle_timeout", "the answer paused for too long", limits.idleTimeoutMs);
    else close(undefined);
  });

  const events: AnswerEvents = {
    onHead(given) {
      head = given;
      state = "in_body";
      hasProgress = true;
      call?.handler.onHead(given);
    },
    onData(bytes) {
      hasProgress = true;
      if (state === "in_body") call?.handler.onData(bytes);
      else if (state === "in_rest") restBytes += bytes.length;
    },
  };

  function onRead(size: number): boolean {
    if (state === "gone") return false;
    if (state !== "awaiting_head" && state !== "in_body" && state !== "in_rest") {
      // Nothing was asked: whatever this is, it would be taken for the answer to the next request (CVE-2026-48931).
      close(undefined);
      return false;
    }
    hasProgress = false;
    let used: number;
    try {
      used = reader.take(deps.readBuffer, size);
    } catch (err) {
      if (!(err instanceof MalformedAnswer)) throw err;
      fail("malformed_answer", err.message);
      return false;
    }
    return afterRead(used === size);
  }

  /** Looks at where the call stands after a read; its handler may have given it up meanwhile. */
  function afterRead(isExact: boolean): boolean {
    if (isGone()) return false;
    if (reader.isDone()) {
      // What came behind the answer is no answer to anything.
      finishAnswer(isExact);
    } else if (state === "in_rest") {
      if (restBytes > maxRestBytes) close(undefined);
    } else if (state === "in_body" && hasProgress && !isPaused) {
      wheel.start(limits.idleTimeoutMs, timer);
    }
    return true;
  }

  function isGone(): boolean {
    return state === "gone";
  }

  function finishAnswer(isExact: boolean): void {
    const ended = call;
    const isHeard = state === "in_body";
    // A request that was answered before it was written whole is in the way of the next one.
    const isKept = isExact && head?.isKept === true && socket.writableLength === 0 && !socket.readableEnded;
    const keepAliveMs = head?.keepAliveMs;
    call = undefined;
    head = undefined;
    reader.drop();
    if (ended) ended.connection = undefined;
    if (isKept) {
      state = "free";
      wheel.stop(timer);
      connection.resume();
      deps.onFree(connection, keepAliveMs);
    } else {
      close(undefined);
    }
    if (isHeard) ended?.handler.onEnd();
  }

  function fail(kind: UpstreamErrorKind, message: string, timeoutMs?: number, cause?: unknown): void {
    if (state === "gone") return;
    const mayHaveLeft = state !== "connecting";
    end(new UpstreamError(kind, message, { mayHaveLeft, timeoutMs, cause }));
  }

  function end(err: UpstreamError): void {
    const failed = state === "in_rest" ? undefined : call;
    close(state === "connecting" ? err : undefined);
    failed?.handler.onError(err);
  }

  function close(err: UpstreamError | undefined): void {
    if (state === "gone") return;
    state = "gone";
    wheel.stop(timer);
    reader.drop();
    if (call) call.connection = undefined;
    call = undefined;
    socket.destroy();
    deps.onGone(connection, err);
  }

  function onLost(cause?: unknown): void {
    if (state === "connecting") fail("connect_failed", "the connection did not come about", undefined, cause);
    else if (state === "free" || state === "in_rest") close(undefined);
    // Only a body without any length ends like this.
    else if (state === "in_body" && cause === undefined && reader.endsByClosing()) finishAnswer(false);
    else fail("connection_lost", "the connection ended before the answer did", undefined, cause);
  }

  const connection: Connection = {
    send(given) {
      const { bytes, longBody, isHead } = given.request;
      call = given;
      given.connection = connection;
      state = "awaiting_head";
      reader.begin(events, isHead);
      if (longBody) {
        socket.cork();
        socket.write(bytes);
        socket.write(longBody);
        socket.uncork();
      } else {
        socket.write(bytes);
      }
      // Set at once only where the first system call failed, which is all or nothing. Behind TLS that is not known.
      if (socket.errored && !target.tls) {
        close(undefined);
        return false;
      }
      given.hasLeft = true;
      wheel.start(limits.headTimeoutMs, timer);
      return true;
    },
    pause() {
      if (isPaused || state === "gone") return;
      isPaused = true;
      socket.pause();
      // The peer is not to blame for what it cannot send. The head's limit goes on: it is about the peer.
      if (state === "in_body") wheel.stop(timer);
    },
    resume() {
      if (!isPaused || state === "gone") return;
      isPaused = false;
      socket.resume();
      if (state === "in_body") wheel.start(limits.idleTimeoutMs, timer);
    },
    finish() {
      if (state !== "in_body") return close(undefined);
      state = "in_rest";
      restBytes = 0;
      connection.resume();
      wheel.start(restTimeoutMs, timer);
    },
    idle(timeoutMs) {
      wheel.start(timeoutMs, timer);
    },
    destroy: (err) => (err ? end(err) : close(undefined)),
  };

  const socket = openSocket(target, deps, onRead);
  socket.once(target.tls ? "secureConnect" : "connect", () => {
    if (state !== "connecting") return;
    state = "free";
    wheel.stop(timer);
    deps.onFree(connection, undefined);
  });
  socket
    .on("end", () => onLost())
    .on("error", onLost)
    .on("close", () => onLost());
  wheel.start(limits.connectTimeoutMs, timer);
  return connection;
}

function openSocket(
  { host, port, tls, lookup }: ConnectionTarget,
  { readBuffer, onSession }: ConnectionDeps,
  onRead: (size: number) => boolean,
): Socket {
  const options: TcpNetConnectOpts = {
    ...{ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs },
    ...(lookup && { lookup }),
    onread: { buffer: readBuffer, callback: onRead },
  };
  if (!tls) return connectPlain(options);
  const socket: TLSSocket = connectTls({
    ...options,
    ...tls,
    // No name is sent for an address (RFC 6066, 3); the certificate has to be for `host` in either case.
    ...(isIP(host) === 0 && { servername: host }),
    // HTTP/2 is another protocol: it must not be agreed on behind our back.
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: true,
  });
  return socket.on("session", onSession);
}
