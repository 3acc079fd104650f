import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Logger } from "pino";
import type { Database } from "../db/database.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { DurableSubscription } from "./event.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { handleEvent, toErrorText } from "./handle-event.ts";
import { type NatsTransport, toLoggedEvent } from "./nats-transport.ts";
import { markHandled, park } from "./subscription-store.ts";

/** A durable subscription that hears events from a broker, running on this node. */
export interface NatsSubscription {
  /** No handler runs afterwards. Safe to repeat. */
  stop(): Promise<void>;
}

export interface NatsSubscriptionOptions {
  readonly serviceName: string;
  readonly subscription: DurableSubscription;
  /** The service's own database, in whose transactions the handler runs. */
  readonly db: Database;
  readonly transport: NatsTransport;
  readonly log: Logger;
  readonly clock: Clock;
  /** After so long without an answer the broker delivers again. Default 30,000. */
  readonly ackWaitMs?: number;
}

const defaultAckWaitMs = 30_000;
const pullMs = 5_000;
const outageRetryMs = 500;
const firstRetryMs = 1_000;
const retryLimitMs = 60_000;
const attemptLimit = 10;
const nanosPerMs = 1_000_000;

/**
 * Starts a subscription that keeps the promises of `startSubscriptions`, with a broker in between: one event is in flight
 * at a time over all nodes, so the order holds also when one is delivered again; that it is handled is noted in the
 * handler's own transaction, so what the handler writes happens once however often the broker delivers. A handler that
 * fails is tried 10 times over four minutes; then its event is parked. A lost stream or consumer is made anew.
 */
export function startNatsSubscription(options: NatsSubscriptionOptions): NatsSubscription {
  const { subscription, db, log, clock, ackWaitMs = defaultAckWaitMs } = options;
  const { name } = subscription;
  const stopping = new AbortController();
  let messages: ConsumerMessages | undefined;

  /** One try in one transaction; nothing happens when the event was handled before. Gives back what went wrong. */
  async function handleOnce(row: LoggedEvent): Promise<FailedTry | undefined> {
    let isHandlers = false;
    const handling = db.transaction(async (tx) => {
      if (!(await markHandled(tx, name, row.id))) return;
      isHandlers = true;
      await handleEvent(tx, subscription, row);
    });
    return handling.then(
      () => undefined,
      (err: unknown) => ({ err, isHandlers }),
    );
  }

  const isWanted = ({ type }: LoggedEvent) => subscription.events.some((event) => event.type === type);

  async function take(message: JsMsg): Promise<void> {
    let row: LoggedEvent;
    try {
      row = toLoggedEvent(message);
    } catch (err) {
      log.error({ err, subscription: name, subject: message.subject }, "a message is not an event and is left out");
      message.term();
      return;
    }
    if (!isWanted(row)) {
      message.ack();
      return;
    }
    // Deliveries that ended without an answer count as tries: their node may have died of the event.
    for (let attempts = message.info.deliveryCount; ; ) {
      const failure = await handleOnce(row);
      if (!failure) {
        message.ack();
        return;
      }
      const { err, isHandlers } = failure;
      const isParked = isHandlers && attempts >= attemptLimit && (await giveUp(row, attempts, err));
      log.error({ err, subscription: name, event: row.type, eventId: row.id, attempts, isParked }, failed);
      if (isParked) {
        message.term();
        return;
      }
      if (!(await pauseAfter(attempts, message))) {
        message.nak();
        return;
      }
      // That the database is away is not the event's fault.
      if (isHandlers) attempts += 1;
    }
  }

  /** False when the database is away: the event is then tried on. */
  async function giveUp(row: LoggedEvent, attempts: number, err: unknown): Promise<boolean> {
    const failure = { attempts, error: toErrorText(err), nowMs: clock.nowMs() };
    const parking = db.transaction(async (tx) => {
      if (await markHandled(tx, name, row.id)) await park(tx, name, row.seq, failure);
    });
    return parking.then(
      () => true,
      () => false,
    );
  }

  /** Waits before the next try, and keeps the message meanwhile. False when the subscription stops. */
  async function pauseAfter(attempts: number, message: JsMsg): Promise<boolean> {
    let leftMs = Math.min(firstRetryMs * 2 ** (attempts - 1), retryLimitMs);
    while (leftMs > 0) {
      message.working();
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

  async function run(): Promise<void> {
    let hasFailed = false;
    while (!stopping.signal.aborted) {
      try {
        messages = await openMessages(options);
        hasFailed = false;
        for await (const message of messages) {
          if (stopping.signal.aborted) message.nak();
          else await take(message);
        }
      } catch (err) {
        if (!hasFailed && !stopping.signal.aborted)
          log.warn({ err, subscription: name }, "the broker does not deliver");
        hasFailed = true;
      }
      await delay(clock, outageRetryMs, stopping.signal).catch(() => {});
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      messages?.stop();
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

/** Creates the durable consumer where it is missing, and pulls from it. Ends when stream or consumer are deleted. */
async function openMessages(options: NatsSubscriptionOptions): Promise<ConsumerMessages> {
  const { serviceName, subscription, transport, ackWaitMs = defaultAckWaitMs } = options;
  await transport.ensureStream();
  const { manager, client, stream } = transport;
  const durable = `${serviceName}-${subscription.name}`.replaceAll(/[^\w-]/g, "_");
  const [only, ...others] = subscription.events;
  await manager.consumers.add(stream, {
    durable_name: durable,
    ack_policy: "explicit",
    deliver_policy: "all",
    ack_wait: ackWaitMs * nanosPerMs,
    max_ack_pending: 1,
    // Servers before 2.10 know one filter only; what is not wanted is passed over.
    ...(only && others.length === 0 && { filter_subject: transport.toSubject(only.type) }),
  });
  const consumer = await client.consumers.get(stream, durable);
  return consumer.consume({ max_messages: 1, expires: pullMs, abort_on_missing_resource: true });
}
