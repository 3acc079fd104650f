import type { Logger } from "pino";
import type { Database } from "../db/database.ts";
import type { Degraded } from "../health/health-check.ts";
import type { Tracer } from "../observability/tracing.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { BrokerDelivery, BrokerGroup, BrokerTransport } from "./broker-transport.ts";
import { type ConsumerGate, untilOpen } from "./consumer-gate.ts";
import type { DurableSubscription } from "./event.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { handleEvent, toErrorText } from "./handle-event.ts";
import { ensureBrokerSubscription, markHandled, park } from "./subscription-store.ts";

/** A durable subscription that hears events from a broker, running on this node. */
export interface BrokerSubscription {
  readonly group: BrokerGroup;
  /** A health check: degraded when it could not hear from the broker for 30 s. */
  check(): Promise<Degraded | undefined>;
  /** No handler runs afterwards. Safe to repeat. */
  stop(): Promise<void>;
}

export interface BrokerSubscriptionOptions {
  readonly serviceName: string;
  readonly subscription: DurableSubscription;
  /** The service's own database, in whose transactions the handler runs. */
  readonly db: Database;
  readonly transport: BrokerTransport;
  readonly log: Logger;
  readonly clock: Clock;
  /** After so long without an answer the broker may deliver again. Default 30,000. */
  readonly ackWaitMs?: number;
  /** Records what the handler does; absent unless traces are wanted. */
  readonly tracer?: Tracer | undefined;
  /** While it is closed nothing is taken from the broker, and another node may take it. */
  readonly gate?: ConsumerGate | undefined;
}

const defaultAckWaitMs = 30_000;
const outageRetryMs = 500;
const outageLimitMs = 30_000;
const firstRetryMs = 1_000;
const retryLimitMs = 60_000;
const attemptLimit = 10;

/**
 * Starts a subscription that keeps the promises of `startSubscriptions`, with a broker in between. An event follows the
 * one before it in its lane when that one is done with, also when the broker delivers again or to two nodes at a time;
 * that it is handled is noted in the handler's own transaction, so what the handler writes happens once however often the
 * broker delivers. A handler that fails is tried 10 times over four minutes, which holds back its lane; then its event is
 * parked. What the subscription handled when it read the log itself, it does not handle again.
 */
export function startBrokerSubscription(options: BrokerSubscriptionOptions): BrokerSubscription {
  const { subscription, db, transport, log, clock, gate, ackWaitMs = defaultAckWaitMs } = options;
  const { name } = subscription;
  const types = subscription.events.map(({ type }) => type);
  const group: BrokerGroup = { service: options.serviceName, subscription: name, types };
  const stopping = new AbortController();
  /** Of the present turn at listening: aborts when the gate closes, too. */
  let listening = stopping.signal;
  let outage: { readonly sinceMs: number; readonly cause: unknown } | undefined;

  /** One try in one transaction; nothing happens when the event was handled before. Gives back what went wrong. */
  async function handleOnce(row: LoggedEvent): Promise<FailedTry | undefined> {
    let isHandlers = false;
    const handling = db.transaction(async (tx) => {
      if (!(await markHandled(tx, name, row))) return;
      isHandlers = true;
      await handleEvent(tx, subscription, row, {}, options.tracer);
    });
    return handling.then(
      () => undefined,
      (err: unknown) => ({ err, isHandlers }),
    );
  }

  async function take(delivery: BrokerDelivery): Promise<boolean> {
    outage = undefined;
    if (listening.aborted) return false;
    let row: LoggedEvent;
    try {
      row = delivery.toEvent();
    } catch (err) {
      log.error({ err, subscription: name, place: delivery.place }, "a message is not an event and is left out");
      return true;
    }
    if (!types.includes(row.type)) return true;
    // Deliveries that ended without an answer count as tries: their node may have died of the event.
    for (let { attempts } = delivery; ; ) {
      const failure = await handleOnce(row);
      if (!failure) return true;
      const { err, isHandlers } = failure;
      const isParked = isHandlers && attempts >= attemptLimit && (await giveUp(row, attempts, err));
      log.error({ err, subscription: name, event: row.type, eventId: row.id, attempts, isParked }, failed);
      if (isParked) return true;
      if (!(await pauseAfter(attempts, delivery))) return false;
      // That the database is away is not the event's fault.
      if (isHandlers) attempts += 1;
    }
  }

  /** False when the database is away: the event is then tried on. */
  async function giveUp(row: LoggedEvent, attempts: number, err: unknown): Promise<boolean> {
    const failure = { attempts, error: toErrorText(err), nowMs: clock.nowMs() };
    const parking = db.transaction(async (tx) => {
      if (await markHandled(tx, name, row)) await park(tx, name, row.seq, failure);
    });
    return parking.then(
      () => true,
      () => false,
    );
  }

  /** Waits before the next try, and keeps the message meanwhile. False when the subscription stops. */
  async function pauseAfter(attempts: number, delivery: BrokerDelivery): Promise<boolean> {
    let leftMs = Math.min(firstRetryMs * 2 ** (attempts - 1), retryLimitMs);
    while (leftMs > 0) {
      delivery.extend();
      const partMs = Math.min(leftMs, ackWaitMs / 3);
      try {
        await delay(clock, partMs, stopping.signal);
      } catch {
        return false;
      }
      leftMs -= partMs;
    }
    return true;
  }

  async function listenWhileOpen(): Promise<void> {
    if (gate) await untilOpen(gate, stopping.signal);
    const closed = new AbortController();
    const forget = gate?.onChange(() => gate.isOpen() || closed.abort());
    listening = AbortSignal.any([stopping.signal, closed.signal]);
    try {
      await transport.listen({ group, ackWaitMs, signal: listening, take });
    } finally {
      forget?.();
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await ensureBrokerSubscription(db.sql, name);
        await listenWhileOpen();
      } catch (err) {
        if (!outage && !stopping.signal.aborted)
          log.warn({ err, subscription: name }, "a subscription cannot hear from the broker");
        outage = { sinceMs: outage?.sinceMs ?? clock.monotonicMs(), cause: err };
      }
      await delay(clock, outageRetryMs, stopping.signal).catch(() => {});
    }
  }

  const running = run();
  return {
    group,
    async check() {
      const outageMs = outage ? clock.monotonicMs() - outage.sinceMs : 0;
      if (outageMs > outageLimitMs) {
        const text = `${name} has not heard from the broker for ${Math.round(outageMs)} ms`;
        return { degraded: text };
      }
      return undefined;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const failed = "an event could not be handled";

interface FailedTry {
  readonly err: unknown;
  /** True when the handler had begun. */
  readonly isHandlers: boolean;
}
