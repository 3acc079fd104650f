import type { DescMessage, DescService, MessageInitShape } from "@bufbuild/protobuf";
import type { Sql } from "postgres";
import { Registry } from "prom-client";
import { type Cluster, eventLogName } from "../db/cluster.ts";
import type { Database } from "../db/database.ts";
import { postgres } from "../db/driver.ts";
import type { EventType } from "../events/event.ts";
import { type EventFeed, openEventFeed } from "../events/event-feed.ts";
import { createOutbox } from "../events/outbox.ts";
import { readLags } from "../events/subscription-lag.ts";
import { startSubscriptions } from "../events/subscriptions.ts";
import { createIdempotency } from "../idempotency/idempotency.ts";
import { createDegradation } from "../resilience/degradation.ts";
import { unsharedCounts } from "../resilience/shared-counts.ts";
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
import { createWorkflowHost, withWorkflowDatabase } from "../service/workflow-host.ts";
import { createTempFolder } from "./temp-folder.ts";
import { deriveTestKey, openClusterOn, prepareTestCluster, silentLog, type TestScope } from "./test-cluster.ts";
import { waitUntil } from "./wait-until.ts";

/** An event as it stands in the log. */
export interface LoggedEvent {
  readonly type: string;
  readonly key: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const workflowStopMs = 5_000;
const firstNode = "test";

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
  /** Starts another node of the service on the same database, with sessions of its own. It stops when the scope ends. */
  startNode(): Promise<RunningService<Contract, Ops>>;
  /** The log, as the subscriptions of a node hear it; closed when the scope ends. */
  openFeed(): Promise<EventFeed>;
  /** Starts the service's subscriptions; they stop when the scope ends. */
  hear(): Promise<void>;
  /**
   * Resolves when every durable subscription has handled what was committed before the call. Rejects when one cannot.
   * After `hear`.
   */
  untilHeard(): Promise<void>;
}

export interface StartOptions<N extends Needs, C extends ConfigSections> {
  readonly clients: ServiceDeps<N, C>["clients"];
  readonly config?: Readonly<Partial<Record<keyof C, unknown>>>;
  readonly clock?: Clock;
  /** Where people reach the installation; `http://127.0.0.1:8080` unless given. */
  readonly publicUrl?: string;
  /** Where its first node counts; one of its own unless given. */
  readonly metrics?: Registry;
}

/**
 * Starts a service as it is, with its workflows, without listeners, jobs and subscriptions, on an empty database of that server,
 * dropped when the scope ends. Sections of the configuration that are not given have their defaults.
 */
export async function startServiceOn<Contract extends DescService, N extends Needs, C extends ConfigSections, Ops>(
  serverUrl: string,
  t: TestScope,
  definition: ServiceDefinition<Contract, N, C, Ops>,
  options: StartOptions<N, C>,
): Promise<StartedService<Contract, Ops>> {
  const { clock = systemClock } = options;
  const { name } = definition;
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const stop of stops.toReversed()) await stop();
  });
  const databases = withWorkflowDatabase([definition]);
  const cluster = await openClusterOn(serverUrl, t, databases);
  const sql = postgres(cluster.adminUrl, { max: 2, connection: { search_path: name.replaceAll("-", "_") } });
  t.after(() => sql.end());
  const random = createRandom(clock);
  const db = cluster.open(name);
  const startOn = (own: Cluster, node: string) =>
    startNode({ t, definition, options, cluster: own, node, clock, random, stops });
  const running = await startOn(cluster, firstNode);
  const openFeed = async () => {
    const feed = await openEventFeed({ db: cluster.open(eventLogName), log: silentLog, clock: systemClock });
    stops.push(feed.close);
    return feed;
  };
  let nodes = 1;
  return {
    ...running,
    async startNode() {
      const own = await prepareTestCluster(cluster.adminUrl, databases);
      stops.push(own.close);
      return startOn(own, `${firstNode}-${++nodes}`);
    },
    random,
    db,
    sql,
    listEvents: () => sql<LoggedEvent[]>`select type, key, data from event_log.event order by seq`,
    async say(event, data) {
      const outbox = createOutbox({ source: "another", publishes: [event], clock, random });
      await db.transaction((tx) => outbox.append(tx, event, data));
    },
    openFeed,
    async hear() {
      const feed = await openFeed();
      const { subscriptions = [] } = running;
      const shared = { serviceName: name, subscriptions, db, feed, log: silentLog, clock: systemClock };
      stops.push((await startSubscriptions(shared)).stop);
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

/** What a node of a service is started with. */
interface NodeParts<Contract extends DescService, N extends Needs, C extends ConfigSections, Ops> {
  readonly t: TestScope;
  readonly definition: ServiceDefinition<Contract, N, C, Ops>;
  readonly options: StartOptions<N, C>;
  readonly cluster: Cluster;
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Run last first when the scope ends, before the database goes. */
  readonly stops: (() => Promise<void>)[];
}

async function startNode<Contract extends DescService, N extends Needs, C extends ConfigSections, Ops>(
  parts: NodeParts<Contract, N, C, Ops>,
): Promise<RunningService<Contract, Ops>> {
  const { t, definition, options, cluster, node, clock, random, stops } = parts;
  const { name, publishes } = definition;
  const sections = Object.entries(definition.config).map(([section, schema]) => [
    section,
    schema.parse(options.config?.[section]),
  ]);
  const db = cluster.open(name);
  const degradation = createDegradation({ clock });
  stops.push(async () => degradation.stop());
  const workflows = createWorkflowHost({ clock, random, log: silentLog }, cluster);
  const running = await definition.start({
    config: Object.fromEntries(sections),
    clients: options.clients,
    onConfigChange: () => {},
    publicUrl: () => options.publicUrl ?? "http://127.0.0.1:8080",
    node,
    degradation,
    sharedCounts: unsharedCounts,
    db,
    outbox: createOutbox({ source: name, publishes, clock, random }),
    idempotency: createIdempotency({ db, clock, random, key: deriveTestKey(`${name}.idempotency`) }),
    workflows: workflows.clientOf(definition),
    folder: createTempFolder(t),
    runDesk: workflows.deskOf(definition),
    clock,
    random,
    log: silentLog,
    metrics: (node === firstNode ? options.metrics : undefined) ?? new Registry(),
    deriveKey: deriveTestKey,
  });
  stops.push(async () => workflows.stop(AbortSignal.timeout(workflowStopMs)));
  await workflows.launch([{ definition, ops: running.ops }]);
  stops.push(async () => running.stop?.());
  return running;
}
