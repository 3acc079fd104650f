import { type StringValue, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { Sql } from "postgres";
import { type ClusterService, eventLogName, openCluster } from "../db/cluster.ts";
import type { Database, Tx } from "../db/database.ts";
import { postgres } from "../db/driver.ts";
import { defineEvent, type EventType, type Subscription } from "../events/event.ts";
import { type EventFeed, openEventFeed } from "../events/event-feed.ts";
import { createOutbox } from "../events/outbox.ts";
import { type RunningSubscriptions, startSubscriptions } from "../events/subscriptions.ts";
import type { Tracer } from "../observability/tracing.ts";
import { type Clock, systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { createTestDatabase } from "./postgres.ts";
import { closeInReverse, deriveTestKey, silentLog, type TestScope } from "./test-cluster.ts";

/** Two events for tests of the log. A value is `<key>:<text>`. */
export const opened = defineEvent("test.opened", StringValueSchema, keyOf);
export const closed = defineEvent("test.closed", StringValueSchema, keyOf);

const migrations = new URL("./testdata/event-log/", import.meta.url);
const writer: ClusterService = { name: "test-writer", migrations, connectionWeight: 10 };
const hearer: ClusterService = { name: "test-hearer", migrations };
/** The writing service's outbox. */
export const outbox = createOutbox({
  source: writer.name,
  publishes: [opened, closed],
  clock: systemClock,
  random: createRandom(systemClock),
});

/** A process with one service that writes events and one that hears them. */
export interface EventNode {
  readonly adminUrl: string;
  readonly admin: Sql;
  readonly writerDb: Database;
  readonly hearerDb: Database;
  readonly feed: EventFeed;
  /** Starts subscriptions of the hearing service; they stop with the node. */
  hear(subscriptions: readonly Subscription[], clock?: Clock): Promise<RunningSubscriptions>;
}

/** A node on the given database, or on a fresh one. The clock is its feed's. */
export async function openEventNode(
  t: TestScope,
  options: { readonly adminUrl?: string; readonly clock?: Clock; readonly tracer?: Tracer } = {},
): Promise<EventNode> {
  const scope = closeInReverse(t);
  const adminUrl = options.adminUrl ?? (await createTestDatabase(scope)).adminUrl;
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
  scope.after(() => admin.end());
  const { clock = systemClock, tracer } = options;
  const cluster = openCluster({ adminUrl, deriveKey: deriveTestKey, maxConnections: 60, log: silentLog, clock });
  scope.after(cluster.close);
  await cluster.prepare([writer, hearer]);
  const feed = await openEventFeed({ db: cluster.open(eventLogName), log: silentLog, clock });
  scope.after(feed.close);
  const hearerDb = cluster.open(hearer.name);
  return {
    adminUrl,
    admin,
    writerDb: cluster.open(writer.name),
    hearerDb,
    feed,
    async hear(subscriptions, hearerClock = clock) {
      const shared = { serviceName: hearer.name, db: hearerDb, feed, log: silentLog, clock: hearerClock, tracer };
      const running = await startSubscriptions({ ...shared, subscriptions });
      scope.after(running.stop);
      return running;
    },
  };
}

/** Appends inside a transaction of the writing service. */
export function append(tx: Tx, event: EventType<typeof StringValueSchema>, value: string): Promise<void> {
  return outbox.append(tx, event, { value });
}

/** Appends and commits. */
export function say(db: Database, event: EventType<typeof StringValueSchema>, value: string): Promise<void> {
  return db.transaction((tx) => append(tx, event, value));
}

/** Events as if the handler had given them up. */
export async function parkEvents(db: Database, name: string, values: readonly string[]): Promise<void> {
  await db.sql`
    insert into event_log.parked_event (subscription, seq, attempts, last_error, parked_at)
    select ${name}, seq, 10, 'Error: no', now() from event_log.event where data #>> '{}' = any(${values as string[]})`;
}

/** Collects what handlers hear; `until(count)` resolves when so many values have come. */
export function createCollector() {
  const values: string[] = [];
  let waiting: { readonly count: number; resolve(): void } | undefined;
  return {
    values,
    add(value: string): void {
      values.push(value);
      if (waiting && values.length >= waiting.count) waiting.resolve();
    },
    until(count: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting = { count, resolve };
      if (values.length >= count) resolve();
      return promise;
    },
  };
}

function keyOf({ value }: StringValue): string {
  return value.split(":")[0] ?? "";
}
