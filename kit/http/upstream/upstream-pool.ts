import type { ConnectionOptions } from "node:tls";
import type { Clock } from "../../service/clock.ts";
import { createTimerEntry, type TimerWheel } from "../../service/timer-wheel.ts";
import type { AddressGuard } from "../address-guard.ts";
import { type ConnectionDeps, type ConnectionTarget, openConnection } from "./connection.ts";
import type { RequestBytes } from "./request-bytes.ts";
import type { AnswerHandler, Connection, UpstreamCall, UpstreamLimits } from "./upstream-call.ts";
import { UpstreamError, type UpstreamErrorKind } from "./upstream-error.ts";

export interface UpstreamPoolOptions extends UpstreamLimits {
  /** `http://` or `https://`, a host and perhaps a port. */
  readonly origin: string;
  /** For an origin that a stranger named: it is asked about the origin, and at each connect about the address. */
  readonly guard?: AddressGuard | undefined;
  /** Certificates to trust in place of the public ones. */
  readonly ca?: ConnectionOptions["ca"];
  readonly maxConnections: number;
  /** Calls that wait for a connection; the next one is refused. */
  readonly maxQueue: number;
  /** How long one waits. */
  readonly queueTimeoutMs: number;
  /** How long a connection is kept without a call, where the peer does not say less. */
  readonly keepAliveMs: number;
  /** After this a connection takes no further call, so that a change of the peer's address is noticed. */
  readonly maxAgeMs: number;
}

export interface UpstreamPoolDeps {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** Of `readBufferBytes`; may serve many pools. */
  readonly readBuffer: Buffer;
}

/** One read takes no more than this: what libuv reads at once. */
export const readBufferBytes = 32_768;

/** Keep-alive connections to one origin. */
export interface UpstreamPool {
  /** Host and port as requests to it name them. */
  readonly authority: string;
  /**
   * Sends a request over a connection that is free, or that becomes free while it waits, the call that waits longest
   * first. Nothing is sent twice: only where certainly no byte of it left does it go to another connection.
   */
  send(request: RequestBytes, handler: AnswerHandler): UpstreamCall;
  /** Ends a call wherever it stands; its handler hears nothing more. False if certainly nothing of it left. */
  abort(call: UpstreamCall): boolean;
  /** Reads no more of the answer until `resume`. What has been read already still comes: 64 KiB at most. */
  pause(call: UpstreamCall): void;
  resume(call: UpstreamCall): void;
  /** Ends a call of which enough has been heard; its connection is kept if the rest is short. */
  finish(call: UpstreamCall): void;
  stats(): UpstreamPoolStats;
  /** Closes every connection. Calls fail with `pool_closed`, now and later. */
  close(): void;
}

export interface UpstreamPoolStats {
  readonly connecting: number;
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
}

/** A connection is given up this long before the peer would: a request that crosses its close may or may not be served. */
const keepAliveMarginMs = 1_000;
const maxUnsentTimes = 3;

export function createUpstreamPool(options: UpstreamPoolOptions, deps: UpstreamPoolDeps): UpstreamPool {
  const { clock, wheel } = deps;
  const { maxConnections, maxQueue, queueTimeoutMs, maxAgeMs } = options;
  const url = new URL(options.origin);
  const isRefused = options.guard?.refuse(url) !== undefined;
  /** Every connection that is not gone, and when it was opened. */
  const bornMs = new Map<Connection, number>();
  const connecting = new Set<Connection>();
  /** Last in, first out: what a quiet time does not need grows old and closes. */
  const idle: Connection[] = [];
  /** In order of their coming. */
  const waiting = new Set<UpstreamCall>();
  /** Those that have failed and do not know it yet. */
  const failing = new Set<UpstreamCall>();
  let session: Buffer | undefined;
  let isClosed = false;

  // All wait for the same time: only the one that came first needs a limit.
  const queueTimer = createTimerEntry(() => {
    const nowMs = clock.monotonicMs();
    for (const call of waiting) {
      if (nowMs - call.waitsSinceMs < queueTimeoutMs) break;
      waiting.delete(call);
      failUnsent(call, "queue_timeout", "no connection became free in time", queueTimeoutMs);
    }
    watchQueue();
  });

  function watchQueue(): void {
    const [first] = waiting;
    if (!first) wheel.stop(queueTimer);
    else wheel.start(Math.max(0, first.waitsSinceMs + queueTimeoutMs - clock.monotonicMs()), queueTimer);
  }

  function place(call: UpstreamCall): void {
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      if (connection.send(call)) return;
      if (++call.unsentTimes > maxUnsentTimes) break;
    }
    if (waiting.size - connecting.size >= maxQueue && bornMs.size >= maxConnections) {
      failSoon(call, "queue_full", "too many calls wait for a connection");
      return;
    }
    call.waitsSinceMs = clock.monotonicMs();
    waiting.add(call);
    if (waiting.size === 1) watchQueue();
    openForWaiting();
  }

  function openForWaiting(): void {
    while (connecting.size < waiting.size && bornMs.size < maxConnections) {
      const connection = openConnection(toTarget(url, options, session), connectionDeps);
      bornMs.set(connection, clock.monotonicMs());
      connecting.add(connection);
    }
  }

  const connectionDeps: ConnectionDeps = {
    wheel,
    limits: options,
    readBuffer: deps.readBuffer,
    onFree(connection, keepAliveMs) {
      connecting.delete(connection);
      const ageMs = clock.monotonicMs() - (bornMs.get(connection) ?? 0);
      const peerMs = keepAliveMs === undefined ? options.keepAliveMs : keepAliveMs - keepAliveMarginMs;
      const idleMs = Math.min(options.keepAliveMs, peerMs, maxAgeMs - ageMs);
      if (idleMs <= 0) return connection.destroy();
      const [call] = waiting;
      if (!call) {
        idle.push(connection);
        return connection.idle(idleMs);
      }
      waiting.delete(call);
      watchQueue();
      if (connection.send(call)) return;
      if (++call.unsentTimes > maxUnsentTimes) failSoon(call, "unsent", "connections were reset before they took it");
      else place(call);
    },
    onGone(connection, err) {
      bornMs.delete(connection);
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
      const hasFailed = connecting.delete(connection) && err !== undefined;
      const [call] = hasFailed ? waiting : [];
      // An attempt was made for each that waits, so each failed attempt fails one: the one that has waited longest.
      if (call) {
        waiting.delete(call);
        watchQueue();
      }
      if (!isClosed) openForWaiting();
      if (err) call?.handler.onError(err);
    },
    onSession(given) {
      session = given;
    },
  };

  function failUnsent(call: UpstreamCall, kind: UpstreamErrorKind, message: string, timeoutMs?: number): void {
    call.handler.onError(new UpstreamError(kind, message, { mayHaveLeft: false, timeoutMs }));
  }

  /** Not from within `send`: whoever calls it has no handle yet. */
  function failSoon(call: UpstreamCall, kind: UpstreamErrorKind, message: string): void {
    failing.add(call);
    queueMicrotask(() => {
      if (failing.delete(call)) failUnsent(call, kind, message);
    });
  }

  return {
    authority: url.host,
    send(request, handler) {
      const call: UpstreamCall = {
        request,
        handler,
        connection: undefined,
        hasLeft: false,
        waitsSinceMs: 0,
        unsentTimes: 0,
      };
      if (isClosed) failSoon(call, "pool_closed", "the pool was closed");
      else if (isRefused) failSoon(call, "address_refused", "the address is not public");
      else place(call);
      return call;
    },
    abort(call) {
      failing.delete(call);
      if (waiting.delete(call)) watchQueue();
      call.connection?.destroy();
      return call.hasLeft;
    },
    pause: (call) => call.connection?.pause(),
    resume: (call) => call.connection?.resume(),
    finish: (call) => call.connection?.finish(),
    stats: () => ({
      connecting: connecting.size,
      busy: bornMs.size - connecting.size - idle.length,
      idle: idle.length,
      waiting: waiting.size,
    }),
    close() {
      isClosed = true;
      const calls = [...waiting];
      waiting.clear();
      watchQueue();
      for (const connection of [...bornMs.keys()]) {
        connection.destroy(new UpstreamError("pool_closed", "the pool was closed", { mayHaveLeft: true }));
      }
      for (const call of calls) failUnsent(call, "pool_closed", "the pool was closed");
    },
  };
}

function toTarget(url: URL, { guard, ca }: UpstreamPoolOptions, session: Buffer | undefined): ConnectionTarget {
  const isSecure = url.protocol === "https:";
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || (isSecure ? 443 : 80)),
    tls: isSecure ? { ...(ca && { ca }), ...(session && { session }) } : undefined,
    lookup: guard?.lookup,
  };
}
