import type { DescMessage, DescService, MessageInitShape } from "@bufbuild/protobuf";
import type { Sql } from "postgres";
import { Registry } from "prom-client";
import { eventLogName } from "../db/cluster.ts";
import type { Database } from "../db/database.ts";
import { postgres } from "../db/driver.ts";
import type { EventType } from "../events/event.ts";
import { openEventFeed } from "../events/event-feed.ts";
import { createOutbox } from "../events/outbox.ts";
import { readLags } from "../events/subscription-lag.ts";
import { startSubscriptions } from "../events/subscriptions.ts";
import { createIdempotency } from "../idempotency/idempotency.ts";
import { createDegradation } from "../resilience/degradation.ts";
import type { Clock } from "../service/clock.ts";
import { systemClock } from "../service/clock.ts";
import type {
  ConfigSections,
  Needs,
  RunningService,
  ServiceDefinition,
  ServiceDeps,
} from "../service/define-service.ts";
import { createRandom, type Random } from "../service/ids.ts";
import { createWorkflowHost, type WorkflowHost, withWorkflowDatabase } from "../service/workflow-host.ts";
import { waitUntil } from "./event-log.ts";
import { deriveTestKey, openTestCluster, silentLog, type TestScope } from "./postgres.ts";
import { createTempFolder } from "./temp-folder.ts";

/** An event as it stands in the log. */
export interface LoggedEvent {
  readonly type: string;
  readonly key: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const workflowStopMs = 5_000;

/** One service that runs alone on a database of its own. */
export interface StartedService<Contract extends DescService, Ops> extends RunningService<Contract, Ops> {
  readonly random: Random;
  /** What the service itself has: its own rows, with its own rights. */
  readonly db: Database;
  /** SQL in the service's schema, with every right: for looking at rows, and for spoiling them. */
  readonly sql: Sql;
  /** What the service has said so far, oldest first. */
  listEvents(): Promise<readonly LoggedEvent[]>;
  /** Appends an event of another service, and commits it. */
  say<Desc extends DescMessage>(event: EventType<Desc>, data: MessageInitShape<Desc>): Promise<void>;
  /** Starts the service's subscriptions; they stop when the scope ends. */
  hear(): Promise<void>;
  /**
   * Resolves when every durable subscription has handled what was committed before the call. Rejects when one cannot.
   * After `hear`.
   */
  untilHeard(): Promise<void>;
}

/**
 * Starts a service as it is, with its workflows, without listeners, jobs and subscriptions, on an empty database that is
 * dropped when the scope ends. Sections of the configuration that are not given have their defaults.
 */
export async function startTestService<Contract extends DescService, N extends Needs, C extends ConfigSections, Ops>(
  t: TestScope,
  definition: ServiceDefinition<Contract, N, C, Ops>,
  options: {
    readonly clients: ServiceDeps<N, C>["clients"];
    readonly config?: Readonly<Partial<Record<keyof C, unknown>>>;
    readonly clock?: Clock;
    /** A server of its own, for what has to be durable or is measured. */
    readonly serverUrl?: string;
  },
): Promise<StartedService<Contract, Ops>> {
  const { clients, clock = systemClock } = options;
  const { name, publishes } = definition;
  let workflows: WorkflowHost | undefined;
  const hearing: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const stop of hearing.toReversed()) await stop();
  });
  t.after(async () => workflows?.stop(AbortSignal.timeout(workflowStopMs)));
  const cluster = await openTestCluster(t, withWorkflowDatabase([definition]), options.serverUrl);
  const sql = postgres(cluster.adminUrl, { max: 2, connection: { search_path: name.replaceAll("-", "_") } });
  t.after(() => sql.end());

  const sections = Object.entries(definition.config).map(([section, schema]) => [
    section,
    schema.parse(options.config?.[section]),
  ]);
  const random = createRandom(clock);
  const db = cluster.open(name);
  const folder = createTempFolder(t);
  const degradation = createDegradation({ clock });
  t.after(async () => degradation.stop());
  workflows = createWorkflowHost({ clock, random, log: silentLog }, cluster);
  const running = await definition.start({
    config: Object.fromEntries(sections),
    clients,
    onConfigChange: () => {},
    node: "test",
    degradation,
    db,
    outbox: createOutbox({ source: name, publishes, clock, random }),
    idempotency: createIdempotency({ db, clock, random, key: deriveTestKey(`${name}.idempotency`) }),
    workflows: workflows.clientOf(definition),
    folder,
    runDesk: workflows.deskOf(definition),
    clock,
    random,
    log: silentLog,
    metrics: new Registry(),
    deriveKey: deriveTestKey,
  });
  await workflows.launch([{ definition, ops: running.ops }]);
  t.after(async () => running.stop?.());
  return {
    ...running,
    random,
    db,
    sql,
    listEvents: () => sql<LoggedEvent[]>`select type, key, data from event_log.event order by seq`,
    async say(event, data) {
      const outbox = createOutbox({ source: "another", publishes: [event], clock, random });
      await db.transaction((tx) => outbox.append(tx, event, data));
    },
    async hear() {
      const feed = await openEventFeed({ db: cluster.open(eventLogName), log: silentLog, clock: systemClock });
      hearing.push(feed.close);
      const { subscriptions = [] } = running;
      const shared = { serviceName: name, subscriptions, db, feed, log: silentLog, clock: systemClock };
      hearing.push((await startSubscriptions(shared)).stop);
    },
    async untilHeard() {
      const names = (running.subscriptions ?? []).filter(({ mode }) => mode === "durable").map((one) => one.name);
      await waitUntil(async () => {
        const [failed] = await sql<{ last_error: string }[]>`
          select last_error from event_log.subscription where attempts > 0 and name = any(${names})`;
        if (failed) throw new Error(`an event could not be handled: ${failed.last_error}`);
        return (await readLags(db, names, systemClock)).every(({ behind }) => behind === 0);
      });
    },
  };
}
