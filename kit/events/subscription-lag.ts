import { Gauge, type Registry } from "prom-client";
import type { Database } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";

/** How far a durable subscription is behind the end of the log. */
export interface SubscriptionLag {
  readonly name: string;
  /** Committed events that wait for it; counted up to 100,000. */
  readonly behind: number;
  /** Age of the oldest of them; 0 when none waits. */
  readonly oldestAgeMs: number;
  /** Events that it gave up and that wait for a person. */
  readonly parked: number;
}

/** The lag of each of these subscriptions of the caller, in one statement. Unknown names are left out. */
export async function readLags(db: Database, names: readonly string[], clock: Clock): Promise<SubscriptionLag[]> {
  const rows = await db.sql<{ name: string; behind: number; oldest: Date | null; parked: number }[]>`
    select own.name, waiting.behind, waiting.oldest, parked.count as parked
    from event_log.subscription as own,
      lateral event_log.waiting(own.types, own.position) as waiting,
      lateral (
        select count(*)::int from event_log.parked_event where subscription = own.name
      ) as parked
    where own.name = any(${names as string[]})
    order by own.name`;
  const nowMs = clock.nowMs();
  return rows.map(({ name, behind, oldest, parked }) => ({
    name,
    behind,
    oldestAgeMs: oldest ? Math.max(0, nowMs - oldest.getTime()) : 0,
    parked,
  }));
}

/** Shows the lags of a process's subscriptions to Prometheus. */
export interface LagGauges {
  /** Reads the lags of one service at each scrape, until the result is called. */
  add(service: string, read: () => Promise<readonly SubscriptionLag[]>): () => void;
}

const figures = [
  ["behind", "Committed events that wait for the subscription.", (lag: SubscriptionLag) => lag.behind],
  ["oldest_age_seconds", "Age of the oldest event that waits.", (lag: SubscriptionLag) => lag.oldestAgeMs / 1_000],
  ["parked", "Events that the subscription gave up.", (lag: SubscriptionLag) => lag.parked],
] as const;

/** Registers the gauges; once per registry. A service whose lag cannot be read is left out of that scrape. */
export function createLagGauges(registry: Registry): LagGauges {
  const readers = new Map<string, () => Promise<readonly SubscriptionLag[]>>();
  let reading: Promise<readonly (readonly [string, readonly SubscriptionLag[]])[]> | undefined;

  /** The gauges of one scrape share one reading. */
  function readAll() {
    reading ??= Promise.all(
      [...readers].map(async ([service, read]) => [service, await read().catch(() => [])] as const),
    ).finally(() => {
      reading = undefined;
    });
    return reading;
  }

  for (const [figure, help, pick] of figures) {
    new Gauge({
      name: `event_subscription_${figure}`,
      help,
      labelNames: ["service", "subscription"],
      registers: [registry],
      async collect() {
        const lags = await readAll();
        this.reset();
        for (const [service, ofService] of lags) {
          for (const lag of ofService) this.set({ service, subscription: lag.name }, pick(lag));
        }
      },
    });
  }
  return {
    add(service, read) {
      readers.set(service, read);
      return () => readers.delete(service);
    },
  };
}
