import type { Logger } from "pino";
import type { Database } from "../db/database.ts";
import type { Degraded } from "../health/health-check.ts";
import type { Tracer } from "../observability/tracing.ts";
import type { Clock } from "../service/clock.ts";
import { type BrokerSubscription, startBrokerSubscription } from "./broker-subscription.ts";
import type { BrokerTransport } from "./broker-transport.ts";
import type { ConsumerGate } from "./consumer-gate.ts";
import { type DurableLoop, startDurableLoop } from "./durable-loop.ts";
import type { BroadcastSubscription, DurableSubscription, Subscription } from "./event.ts";
import type { EventFeed } from "./event-feed.ts";
import { startOperationLoop } from "./operation-loop.ts";
import { readLags, type SubscriptionLag } from "./subscription-lag.ts";
import { ensureSubscription, findWasOnBroker } from "./subscription-store.ts";

/** A service's subscriptions, running on this node. */
export interface RunningSubscriptions {
  /**
   * A health check: rejects when the log cannot be read, a durable subscription has not got on for 30 s, or an event has
   * waited for one for more than 15 minutes. Degraded while a broker is away.
   */
  check(): Promise<Degraded | undefined>;
  /** How far each durable subscription is behind, over all nodes. */
  listLags(): Promise<readonly SubscriptionLag[]>;
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
  /** Records what durable handlers do; absent unless traces are wanted. */
  readonly tracer?: Tracer | undefined;
  /** While it is closed, durable subscriptions take no events; broadcasts are heard all the same. */
  readonly gate?: ConsumerGate | undefined;
  /** Where durable subscriptions hear from; the log itself unless given. Broadcasts always come from the log. */
  readonly transport?: BrokerTransport | undefined;
}

/** Longer than an event takes to be parked (four minutes), so a single bad one does not make the service unhealthy. */
const oldestAgeLimitMs = 900_000;

/**
 * Starts a service's subscriptions. From when it resolves, broadcasts hear every event committed later; a durable
 * subscription that is new starts at the beginning of the log, a known one where it was.
 *
 * A durable handler may take 10 s between two of its statements, and shares its transaction with up to 99 others.
 * One that fails is tried 10 times over four minutes; then its event is kept in `event_log.parked_event`
 * with the last error, and the subscription goes on. What operators ask of a durable subscription is done here, too
 * (operation-loop.ts). Order and repetition: see `DurableSubscription`.
 * Throws a TypeError when two durable subscriptions have one name.
 */
export async function startSubscriptions(options: SubscriptionsOptions): Promise<RunningSubscriptions> {
  const { subscriptions, serviceName, db, feed, clock, transport } = options;
  const log = options.log.child({ service: serviceName });
  const durable = subscriptions.filter((one): one is DurableSubscription => one.mode === "durable");
  const broadcasts = subscriptions.filter((one): one is BroadcastSubscription => one.mode === "broadcast");
  const names = durable.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new TypeError(`service ${serviceName} has two subscriptions named ${repeated}`);

  const wereOnBroker = new Set<string>();
  for (const { name, events, isReplayable } of transport ? [] : durable) {
    const types = events.map(({ type }) => type);
    await ensureSubscription(db.sql, name, types, isReplayable);
    if (await findWasOnBroker(db.sql, name)) wereOnBroker.add(name);
  }
  const forgetBroadcasts = broadcasts.length > 0 ? await feed.broadcasts.add(broadcasts) : () => {};
  const shared = { db, log, clock, tracer: options.tracer, gate: options.gate };
  const heard = transport
    ? durable.map((subscription) => startBrokerSubscription({ ...shared, serviceName, subscription, transport }))
    : [];
  const loops: readonly (DurableLoop | BrokerSubscription)[] = transport
    ? heard
    : durable.map((subscription) => {
        const wasOnBroker = wereOnBroker.has(subscription.name);
        return startDurableLoop({ ...shared, subscription, listener: feed.listener, wasOnBroker });
      });
  const operations =
    durable.length > 0
      ? startOperationLoop({ ...options, subscriptions: durable, listener: feed.listener, log })
      : undefined;
  const listLags = async () => {
    const lags = names.length > 0 ? await readLags(db, names, clock) : [];
    return transport ? readBrokerLags(transport, heard, lags, clock) : lags;
  };
  const forgetLags = feed.lagGauges?.add(serviceName, listLags);
  return {
    listLags,
    async check() {
      if (subscriptions.length > 0) await feed.check();
      for (const loop of loops) {
        const outcome = await loop.check();
        if (outcome) return outcome;
      }
      // A broker that cannot tell has just been passed: its outage is young, and the process serves meanwhile.
      const lags = await listLags().catch((err: unknown) => {
        if (transport) return [];
        throw err;
      });
      for (const { name, behind, oldestAgeMs } of lags) {
        if (oldestAgeMs > oldestAgeLimitMs) {
          throw new Error(`subscription ${name} is ${behind} events behind, the oldest waits for ${oldestAgeMs} ms`);
        }
      }
      return undefined;
    },
    async stop() {
      forgetLags?.();
      forgetBroadcasts();
      await Promise.all([operations?.stop(), ...loops.map((loop) => loop.stop())]);
    },
  };
}

/** What waits lies with the broker, what is parked in the database. */
function readBrokerLags(
  transport: BrokerTransport,
  heard: readonly BrokerSubscription[],
  known: readonly SubscriptionLag[],
  clock: Clock,
): Promise<readonly SubscriptionLag[]> {
  return Promise.all(
    heard.map(async ({ group }) => {
      const { behind, oldestMs } = await transport.readLag(group);
      const parked = known.find(({ name }) => name === group.subscription)?.parked ?? 0;
      const oldestAgeMs = oldestMs === undefined ? 0 : Math.max(0, clock.nowMs() - oldestMs);
      return { name: group.subscription, behind, oldestAgeMs, parked };
    }),
  );
}
