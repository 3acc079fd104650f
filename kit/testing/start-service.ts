import type { DescService } from "@bufbuild/protobuf";
import type { Sql } from "postgres";
import { Registry } from "prom-client";
import type { Database } from "../db/database.ts";
import { postgres } from "../db/driver.ts";
import { createOutbox } from "../events/outbox.ts";
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
import { deriveTestKey, openTestCluster, silentLog, type TestScope } from "./postgres.ts";

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
  },
): Promise<StartedService<Contract, Ops>> {
  const { clients, clock = systemClock } = options;
  const { name, publishes } = definition;
  let workflows: WorkflowHost | undefined;
  t.after(async () => workflows?.stop(AbortSignal.timeout(workflowStopMs)));
  const cluster = await openTestCluster(t, withWorkflowDatabase([definition]));
  const sql = postgres(cluster.adminUrl, { max: 2, connection: { search_path: name.replaceAll("-", "_") } });
  t.after(() => sql.end());

  const sections = Object.entries(definition.config).map(([section, schema]) => [
    section,
    schema.parse(options.config?.[section]),
  ]);
  const random = createRandom(clock);
  const db = cluster.open(name);
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
  };
}
