import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Database } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";
import { type BroadcastReader, createBroadcastReader } from "./broadcast-reader.ts";
import { createEventListener, type EventListener } from "./event-listener.ts";
import { createLagGauges, type LagGauges } from "./subscription-lag.ts";

/** A process's ear at the event log, shared by all its services. */
export interface EventFeed {
  readonly listener: EventListener;
  readonly broadcasts: BroadcastReader;
  /** Present when the feed was given a registry. */
  readonly lagGauges: LagGauges | undefined;
  /** A health check: rejects when the log has not answered for 5 s. */
  check(): Promise<void>;
  /** Stop the subscriptions first. */
  close(): Promise<void>;
}

/** Opens the feed; once per process. `db` is `cluster.open(eventLogName)`. Rejects when the database cannot be reached. */
export async function openEventFeed(options: {
  readonly db: Database;
  readonly log: Logger;
  readonly clock: Clock;
  /** Where the lag of each durable subscription of this process is shown. */
  readonly metrics?: Registry;
}): Promise<EventFeed> {
  const listener = await createEventListener(options);
  const broadcasts = createBroadcastReader({ ...options, listener });
  return {
    listener,
    broadcasts,
    lagGauges: options.metrics && createLagGauges(options.metrics),
    check: listener.check,
    async close() {
      await broadcasts.close();
      await listener.close();
    },
  };
}
