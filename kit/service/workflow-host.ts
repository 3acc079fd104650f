import type { ClusterService } from "../db/cluster.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { workflowDatabase, workflowDeskDatabase } from "../workflow/dbos.ts";
import type { HostedRuns } from "../workflow/hosted-runs.ts";
import { createRemoteRecords, type RemoteRecords } from "../workflow/remote-records.ts";
import { createRunDesk, type RunDesk } from "../workflow/run-desk.ts";
import type { AnySaga, Saga } from "../workflow/saga.ts";
import { openWorkflowEngine, type WorkflowEngine, type WorkflowEngineOptions } from "../workflow/workflow-engine.ts";
import { createWorkflowStore } from "../workflow/workflow-store.ts";
import type { AnyService, ServiceWorkflows } from "./define-service.ts";

/** The workflow engine of one program: launched once its services run, and only if one of them has workflows. */
export interface WorkflowHost {
  /** What a service is given. Throws `kit.unavailable` on use until the engine is launched. */
  clientOf(definition: AnyService): ServiceWorkflows;
  /** Launches the engine; from then on, runs that other nodes left are taken up. Nothing when there are no workflows. */
  launch(hosted: readonly { readonly definition: AnyService; readonly ops: unknown }[]): Promise<void>;
  /** Undefined until the engine is launched, and when there are no workflows. */
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
  cluster: { open(name: string): WorkflowEngineOptions["db"]; engineUrl(name: string): string } | undefined,
): WorkflowHost {
  let engine: WorkflowEngine | undefined;
  let remote: RemoteRecords | undefined;
  const use = () => {
    if (!engine) throw new Failure(kitFailures.unavailable, { service: "workflow" });
    return engine;
  };
  return {
    clientOf: ({ name }) => ({
      start: async (saga, run) => use().start(name, saga, run),
      send: async (saga: Saga, id: string, stepId: string, payload: unknown, messageId?: string) =>
        use().send(`${name}/${saga.name}/${id}`, stepId, payload, messageId),
    }),
    async launch(hosted) {
      const sagas = hosted.flatMap(({ definition, ops }) =>
        (definition.workflows ?? []).map((saga: AnySaga) => ({ service: definition.name, saga, ops })),
      );
      if (sagas.length === 0 || !cluster) return;
      const { name } = workflowDatabase;
      engine = await openWorkflowEngine({ ...options, sagas, db: cluster.open(name), url: cluster.engineUrl(name) });
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
        remote ??= createRemoteRecords({ url: cluster.engineUrl(name), log: options.log });
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
      await remote?.close();
      await engine?.stop(signal);
    },
  };
}
