import type { Logger } from "pino";
import type { Database } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";
import { type DurableLoop, startDurableLoop } from "./durable-loop.ts";
import type { BroadcastSubscription, DurableSubscription, Subscription } from "./event.ts";
import type { EventFeed } from "./event-feed.ts";
import { ensureSubscription } from "./subscription-store.ts";

/** A service's subscriptions, running on this node. */
export interface RunningSubscriptions {
  /** A health check: rejects when the log cannot be read, or a durable subscription has not got on for 30 s. */
  check(): Promise<void>;
  /** No handler runs afterwards; the batches under way are finished first. Safe to repeat. */
  stop(): Promise<void>;
}

export interface SubscriptionsOptions {
  readonly serviceName: string;
  readonly subscriptions: readonly Subscription[];
  /** The service's own database, in whose transactions durable handlers run. Unused when there are only broadcasts. */
  readonly db: Database;
  readonly feed: EventFeed;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Starts a service's subscriptions. From when it resolves, broadcasts hear every event committed later; a durable
 * subscription that is new starts at the beginning of the log, a known one where it was.
 *
 * A durable handler may take 10 s between two of its statements, and shares its transaction with up to 99 others.
 * One that fails is tried 10 times over four minutes; then its event is kept in `event_log.parked_event`
 * with the last error, and the subscription goes on. Order and repetition: see `DurableSubscription`.
 * Throws a TypeError when two durable subscriptions have one name.
 */
export async function startSubscriptions(options: SubscriptionsOptions): Promise<RunningSubscriptions> {
  const { subscriptions, serviceName, db, feed, clock } = options;
  const log = options.log.child({ service: serviceName });
  const durable = subscriptions.filter((one): one is DurableSubscription => one.mode === "durable");
  const broadcasts = subscriptions.filter((one): one is BroadcastSubscription => one.mode === "broadcast");
  const names = durable.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new TypeError(`service ${serviceName} has two subscriptions named ${repeated}`);

  for (const name of names) await ensureSubscription(db.sql, name);
  const forgetBroadcasts = broadcasts.length > 0 ? await feed.broadcasts.add(broadcasts) : () => {};
  const loops: readonly DurableLoop[] = durable.map((subscription) =>
    startDurableLoop({ subscription, db, listener: feed.listener, log, clock }),
  );
  return {
    async check() {
      if (subscriptions.length > 0) await feed.check();
      for (const loop of loops) await loop.check();
    },
    async stop() {
      forgetBroadcasts();
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
