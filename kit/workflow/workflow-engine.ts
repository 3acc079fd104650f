import type { DBOS as Dbos } from "@dbos-inc/dbos-sdk";
import type { Logger } from "pino";
import type { Database } from "../db/database.ts";
import { currentContext, runDetached } from "../rpc/call-context.ts";
import { toTraceparent } from "../rpc/context-headers.ts";
import { untilAborted } from "../rpc/signals.ts";
import type { Clock } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import { checkPayload } from "./attempt.ts";
import { loadDbos, openDbosPool, toDbosConfig } from "./dbos.ts";
import type { EngineUrls } from "./engine-pool.ts";
import { createHostedRuns, type HostedRuns } from "./hosted-runs.ts";
import { keepNode } from "./node-keeper.ts";
import { recordRun, waitsOf } from "./record-run.ts";
import { createRunDesk, type RunDesk, type RunRecords } from "./run-desk.ts";
import { type Message, type RunStart, runSaga, type SagaDeps, type SagaOutcome } from "./run-saga.ts";
import type { AnySaga, HostedSaga, Saga } from "./saga.ts";
import { createStepGate, type StepGate } from "./step-gate.ts";
import { createWorkflowStore, type ParkedRun, type WorkflowStore } from "./workflow-store.ts";

export interface WorkflowEngineOptions {
  /** Of the schema that `migrations/` describes. */
  readonly db: Database;
  /** Logins of the same role, for DBOS's own sessions; `workflowDatabase` prepares both. */
  readonly urls: EngineUrls;
  readonly sagas: readonly HostedSaga[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Calls a person. At least once each time a run is parked. */
  readonly onParked?: ((run: Omit<ParkedRun, "parkedAt">) => Promise<void>) | undefined;
  /** After how long without a sign of life a node's runs are taken over. Default 30,000. */
  readonly deadAfterMs?: number | undefined;
  /** How long ended runs are kept. Default 30 days. */
  readonly retentionMs?: number | undefined;
}

export interface StartedRun<Results = unknown> {
  readonly runId: string;
  /** How it ended. Throws as `HostedRuns.result` does. */
  result(timeoutMs: number): Promise<SagaOutcome<Results>>;
}

/** Runs the sagas of this process. */
export interface WorkflowEngine extends RunDesk, HostedRuns {
  /**
   * Starts a run of the service's saga, and resolves when the start is stored. The same `id` (1 to 128 characters) of
   * the same saga is the same run, whatever its input then is, on every node and for as long as ended runs are kept.
   * Throws `workflow.payload_too_large`, and a TypeError for a saga that the service does not declare.
   */
  start<Input, Results, Ops>(
    service: string,
    saga: Saga<Input, Results, Ops>,
    options: { readonly id: string; readonly input: Input },
  ): Promise<StartedRun<Results>>;
  /**
   * Takes no more steps; resolves when those under way have ended or `signal` aborts. What is not done is left to the
   * nodes that remain, or to the next start. Safe to repeat.
   */
  stop(signal: AbortSignal): Promise<void>;
}

const maxRecoveryAttempts = 1_000_000;
const maxIdLength = 128;
/** DBOS keeps its executor in statics: two in one process would take each other's runs. */
let isEngineOpen = false;

/**
 * Launches the engine; runs whose node has died are taken up from then on. One engine per process at a time: throws a
 * TypeError for a second. Rejects when the database cannot be reached or was not migrated.
 */
export async function openWorkflowEngine(options: WorkflowEngineOptions): Promise<WorkflowEngine> {
  if (isEngineOpen) throw new TypeError("this process already has a workflow engine");
  isEngineOpen = true;
  try {
    return await launch(options);
  } catch (err) {
    isEngineOpen = false;
    throw err;
  }
}

async function launch(options: WorkflowEngineOptions): Promise<WorkflowEngine> {
  const { sagas, log } = options;
  const DBOS = await loadDbos();
  const store = createWorkflowStore(options.db);
  const gate = createStepGate();
  const nodeId = options.random.id("node");
  const workflows = registerSagas(DBOS, options, store, gate);
  const services = [...new Set(sagas.map(({ service }) => service))];
  const pool = await openDbosPool(options.urls, log);
  DBOS.setConfig(toDbosConfig({ urls: options.urls, pool, nodeId, queues: services.map(queueOf), log }));
  try {
    // Known as alive before it can hold a run.
    await store.beat(nodeId);
    await DBOS.launch();
    for (const service of services) await DBOS.registerQueue(queueOf(service), { onConflict: "never_update" });
  } catch (err) {
    await DBOS.shutdown({ deregister: true });
    await pool.end();
    await store.leave(nodeId).catch(() => {});
    throw err;
  }
  const keeper = keepNode({ ...options, DBOS, store, nodeId, queueOf });
  let stopped: Promise<void> | undefined;
  const stop = async (signal: AbortSignal) => {
    keeper.stop();
    await untilAborted(signal, gate.close()).catch(() => log.warn("steps of workflows are left to be repeated"));
    await keeper.ended;
    try {
      await DBOS.shutdown({ deregister: true });
      await pool.end();
      await store.leave(nodeId);
    } catch (err) {
      log.warn(
        { err, nodeId },
        "the workflow engine could not take its leave: its runs are taken over when it is missed",
      );
    }
    isEngineOpen = false;
  };
  const records = toRecords(DBOS);
  const hosted = createHostedRuns({ DBOS, records, sagas, prefixOf });
  return {
    ...createRunDesk({ store, openRecords: async () => records }),
    ...hosted,
    async start<Results>(service: string, saga: AnySaga, { id, input }: { id: string; input: unknown }) {
      const workflow = workflows.get(prefixOf(service, saga));
      if (!workflow) throw new TypeError(`service ${service} does not declare the saga ${saga.name}`);
      if (id.length === 0 || id.length > maxIdLength) throw new TypeError("a run's id has 1 to 128 characters");
      checkPayload("input", input);
      const context = currentContext();
      const start: RunStart = {
        input,
        startedMs: options.clock.nowMs(),
        traceparent: context ? toTraceparent(context) : "",
        locale: context?.locale ?? "en_US",
      };
      const runId = `${prefixOf(service, saga)}${id}`;
      await runDetached(() => DBOS.startWorkflow(workflow, { workflowID: runId })(start));
      await store.begin({ runId, service, saga: saga.name, waits: waitsOf(saga) });
      return { runId, result: (timeoutMs) => hosted.result(runId, timeoutMs) as Promise<SagaOutcome<Results>> };
    },
    stop(signal) {
      stopped ??= stop(signal);
      return stopped;
    },
  };
}

type Workflow = (start: RunStart) => Promise<SagaOutcome>;

function registerSagas(
  DBOS: typeof Dbos,
  options: WorkflowEngineOptions,
  store: WorkflowStore,
  gate: StepGate,
): ReadonlyMap<string, Workflow> {
  const workflows = new Map<string, Workflow>();
  for (const { service, saga, ops } of options.sagas) {
    const name = prefixOf(service, saga);
    if (workflows.has(name)) throw new TypeError(`service ${service} declares the saga ${saga.name} twice`);
    const deps = toSagaDeps(options, store, gate, ops);
    const recording = { ...deps, store, service, saga };
    const run: Workflow = (start) => {
      const durable = toDurableRun(DBOS, gate);
      return recordRun(recording, durable.runId, () => runSaga(deps, saga, durable, start));
    };
    workflows.set(name, DBOS.registerWorkflow(run, { name, maxRecoveryAttempts }));
  }
  return workflows;
}

function toSagaDeps(options: WorkflowEngineOptions, store: WorkflowStore, gate: StepGate, ops: unknown): SagaDeps {
  const { clock, random, log, onParked } = options;
  return {
    clock,
    random,
    log,
    ops,
    stopping: gate.stopping,
    isCanceled: store.isCanceled,
    async park(runId, parking, failure) {
      await store.park(runId, parking, failure);
      log.error({ runId, ...failure }, "a workflow is parked and waits for a person");
      await onParked?.({ runId, parking, failure });
    },
    unpark: store.unpark,
  };
}

function toDurableRun(DBOS: typeof Dbos, gate: StepGate) {
  return {
    runId: DBOS.workflowID ?? "",
    step: <T>(name: string, work: () => Promise<T>): Promise<T> =>
      gate.record((enter) => DBOS.runStep(() => enter(work), { name })),
    async receive(topic: string, timeoutMs: number) {
      return (await DBOS.recv<Message>(topic, timeoutMs / 1_000)) ?? undefined;
    },
  };
}

function toRecords(DBOS: typeof Dbos): RunRecords {
  return {
    send: (runId, topic, message, messageId) => runDetached(() => DBOS.send(runId, message, topic, messageId)),
    listSteps: async (runId, limit) => (await DBOS.listWorkflowSteps(runId, { limit })) ?? [],
  };
}

/** What the ids of a saga's runs begin with; also the name under which DBOS knows the saga. */
function prefixOf(service: string, { name }: AnySaga): string {
  return `${service}/${name}/`;
}

/** Only processes that host a service take up its runs. */
function queueOf(service: string): string {
  return `service-${service}`;
}
