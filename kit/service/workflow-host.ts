import type { Cluster, ClusterService } from "../db/cluster.ts";
import type { Database } from "../db/database.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { hasRunsUnderWay, workflowDatabase, workflowDeskDatabase } from "../workflow/dbos.ts";
import type { HostedRuns } from "../workflow/hosted-runs.ts";
import { createRemoteRecords, type RemoteRecords } from "../workflow/remote-records.ts";
import { createRunDesk, type RunDesk } from "../workflow/run-desk.ts";
import type { AnySaga, Saga } from "../workflow/saga.ts";
import { openWorkflowEngine, type WorkflowEngine, type WorkflowEngineOptions } from "../workflow/workflow-engine.ts";
import { createWorkflowStore } from "../workflow/workflow-store.ts";
import { delay } from "./clock.ts";
import type { AnyService, ServiceWorkflows } from "./define-service.ts";

const watchEveryMs = 10_000;

/**
 * The workflow engine of one program, which has one only if a service has workflows. It is opened with the first run that
 * this program starts or that another node may have left: until then it would cost each start a second for nothing.
 */
export interface WorkflowHost {
  /** What a service is given. Throws `kit.unavailable` on use until `launch`. */
  clientOf(definition: AnyService): ServiceWorkflows;
  /**
   * From then on runs may be started, and those that other nodes left are taken up: at once if there are any now, otherwise
   * within 10 s of one that is left. Nothing when there are no workflows.
   */
  launch(hosted: readonly { readonly definition: AnyService; readonly ops: unknown }[]): Promise<void>;
  /** Undefined until the engine is open. */
  readonly desk: (RunDesk & HostedRuns) | undefined;
  /**
   * A desk for the service whose database is that of the workflows; for another one that throws a TypeError on use. It
   * needs no engine: DBOS is loaded when somebody looks into a run.
   */
  deskOf(definition: AnyService): RunDesk;
  /** As `WorkflowEngine.stop`. */
  stop(signal: AbortSignal): Promise<void>;
}

/** True when a process that hosts these services needs `workflowDatabase` beside their own. */
export function hasWorkflows(services: readonly AnyService[]): boolean {
  return services.some(({ workflows = [] }) => workflows.length > 0);
}

/** What the services of a process ask of the database, and the workflow engine if one of them has workflows. */
export function withWorkflowDatabase(services: readonly AnyService[]): readonly ClusterService[] {
  const others = services.filter(({ name }) => name !== workflowDatabase.name);
  if (hasWorkflows(services)) return [...others, workflowDatabase];
  return others.length < services.length ? [...others, workflowDeskDatabase] : services;
}

export function createWorkflowHost(
  options: Pick<WorkflowEngineOptions, "clock" | "random" | "log" | "onParked">,
  cluster: Pick<Cluster, "open" | "prepareEngine" | "engineUrls"> | undefined,
): WorkflowHost {
  const { name: database } = workflowDatabase;
  const stopping = new AbortController();
  let open: (() => Promise<WorkflowEngine>) | undefined;
  let opening: Promise<WorkflowEngine> | undefined;
  let engine: WorkflowEngine | undefined;
  let watching: Promise<void> | undefined;
  let remote: RemoteRecords | undefined;
  const use = async () => {
    if (!open || stopping.signal.aborted) throw new Failure(kitFailures.unavailable, { service: "workflow" });
    return engine ?? open();
  };
  return {
    clientOf: ({ name }) => ({
      start: async (saga, run) => (await use()).start(name, saga, run),
      send: async (saga: Saga, id: string, stepId: string, payload: unknown, messageId?: string) =>
        (await use()).send(`${name}/${saga.name}/${id}`, stepId, payload, messageId),
    }),
    async launch(hosted) {
      const sagas = hosted.flatMap(({ definition, ops }) =>
        (definition.workflows ?? []).map((saga: AnySaga) => ({ service: definition.name, saga, ops })),
      );
      if (sagas.length === 0 || !cluster) return;
      const db = cluster.open(database);
      const openEngine = async () => {
        await cluster.prepareEngine(database);
        engine = await openWorkflowEngine({ ...options, sagas, db, urls: cluster.engineUrls(database) });
        return engine;
      };
      open = () => {
        opening ??= openEngine().catch((err) => {
          opening = undefined;
          throw err;
        });
        return opening;
      };
      if (await hasRunsUnderWay(db.sql)) await open();
      else watching = watch(db, open);
    },
    get desk() {
      return engine;
    },
    deskOf(definition) {
      const { name } = workflowDatabase;
      let looking: RunDesk | undefined;
      const look = (): RunDesk => {
        if (definition.name !== name || !cluster) throw new TypeError(`service ${definition.name} has no run desk`);
        if (engine) return engine;
        remote ??= createRemoteRecords({ urls: cluster.engineUrls(name), log: options.log });
        looking ??= createRunDesk({ store: createWorkflowStore(cluster.open(name)), openRecords: remote.open });
        return looking;
      };
      return {
        list: async (filter) => look().list(filter),
        count: async (filter) => look().count(filter),
        get: async (runId) => look().get(runId),
        resume: async (runId) => look().resume(runId),
        cancel: async (runId) => look().cancel(runId),
      };
    },
    async stop(signal) {
      stopping.abort();
      await watching;
      await opening?.catch(() => {});
      await remote?.close();
      await engine?.stop(signal);
    },
  };

  /** Opens the engine when another node has begun a run, which it may leave. */
  async function watch({ sql }: Database, openEngine: () => Promise<unknown>): Promise<void> {
    while (!engine) {
      await delay(options.clock, watchEveryMs, stopping.signal).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        if (await hasRunsUnderWay(sql)) await openEngine();
      } catch (err) {
        options.log.warn({ err }, "it is not known whether other nodes have left workflows");
      }
    }
  }
}
