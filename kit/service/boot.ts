import { createClient } from "@connectrpc/connect";
import { eventLogName } from "../db/cluster.ts";
import { Failure } from "../errors/failure.ts";
import { type EventFeed, openEventFeed } from "../events/event-feed.ts";
import { startSubscriptions } from "../events/subscriptions.ts";
import { Health } from "../rpc/gen/grpc/health/v1/health_pb.js";
import { createHealthService } from "../rpc/health-service.ts";
import { listenForPeers, type PeerListener } from "../rpc/peer-listener.ts";
import { createPeerRouter, type PeerRouter } from "../rpc/peer-router.ts";
import { createRpcMetrics, type RpcMetrics } from "../rpc/rpc-metrics.ts";
import { interceptServer } from "../rpc/server-interceptor.ts";
import { workflowDatabase } from "../workflow/dbos.ts";
import { bootFailures } from "./boot-failures.ts";
import { planBoot } from "./boot-plan.ts";
import type { AnyService, HealthCheck, MountedService, ProgramFace } from "./define-service.ts";
import { checkHears, type HostedService, openDatabase, startService } from "./hosted-service.ts";
import type { BootOptions, Program, RequestListener, StopLimitsMs } from "./program.ts";
import { runStopPhases, type StopPhase } from "./stop-phases.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";
import { createTransports, type Transports } from "./transports.ts";
import { createWorkflowHost, hasWorkflows, type WorkflowHost } from "./workflow-host.ts";

const defaultBootTimeoutMs = 30_000;
const defaultStopLimitsMs: StopLimitsMs = {
  drain: 15_000,
  cut: 5_000,
  background: 5_000,
  services: 5_000,
  connections: 3_000,
};
const pingTimeoutMs = 2_000;

/** One program as far as it has come. */
interface Run {
  readonly options: BootOptions;
  readonly planned: readonly AnyService[];
  readonly transports: Transports;
  readonly rpcMetrics: RpcMetrics;
  readonly supervisor: Supervisor;
  readonly workflows: WorkflowHost;
  /** In the order of their start. */
  readonly hosted: HostedService[];
  state: "starting" | "serving" | "stopping";
  serveHttp: RequestListener;
  listener?: PeerListener;
  publicUrl?: string | undefined;
  feed?: EventFeed;
}

/**
 * Starts the services that this process hosts, each when what it needs serves, here or at a peer. Resolves when all of
 * them run. Rejects with an AggregateError before anything is touched when the program cannot work as it is configured
 * (boot-plan.ts); with `boot.peer_missing` when a needed peer does not come; with `boot.start_failed` naming the service
 * whose start threw. What had started by then is stopped first.
 */
export async function boot(options: BootOptions): Promise<Program> {
  const { hosted: planned, needsDatabase } = planBoot(options);
  const { clock, log, peerToken, peers = {} } = options;
  if (needsDatabase) await options.cluster?.prepare(hasWorkflows(planned) ? [...planned, workflowDatabase] : planned);
  const run: Run = {
    options,
    planned,
    transports: createTransports({ peers, peerToken, clock, random: options.random, metrics: options.metrics }),
    rpcMetrics: createRpcMetrics(options.metrics),
    supervisor: createSupervisor({ clock, log }),
    workflows: createWorkflowHost({ ...options, onParked: options.onWorkflowParked }, options.cluster),
    hosted: [],
    state: "starting",
    serveHttp: (_req, res) => res.writeHead(503, { "retry-after": "1" }).end(),
  };
  try {
    const router = await listen(run);
    await startAll(run, router);
    await startBackground(run);
    await serveAll(run);
    options.signal?.throwIfAborted();
  } catch (err) {
    await stop(run, options.signal ?? new AbortController().signal);
    throw err;
  }
  run.state = "serving";
  log.info(
    { hosted: run.hosted.map(({ definition }) => definition.name), peerUrl: run.listener?.url },
    "program is running",
  );
  return toProgram(run);
}

/**
 * Opens the peer port before the services start: each is announced as soon as it serves, so that two processes that
 * need services of each other can both come up. Until then calls to it are answered with `unavailable`.
 */
async function listen(run: Run): Promise<PeerRouter> {
  const { options } = run;
  const router = createPeerRouter(options.peerToken, () => run.state !== "starting");
  router.mount(
    Health,
    createHealthService((service) => isServing(run, service)),
  );
  if (options.peerListen) {
    const onRequest: RequestListener = (req, res) => run.serveHttp(req, res);
    run.listener = await listenForPeers({ ...options.peerListen, router, onRequest, clock: options.clock });
  }
  return router;
}

/** `service` is a service's own name, the full name of its contract, or empty for the whole process. */
function isServing(run: Run, service: string): boolean | undefined {
  if (service === "") return run.state === "serving";
  const isNamed = ({ name, contract }: AnyService) => name === service || contract?.typeName === service;
  if (!run.planned.some(isNamed)) return undefined;
  return run.state !== "stopping" && run.hosted.some(({ definition }) => isNamed(definition));
}

async function startAll(run: Run, router: PeerRouter): Promise<void> {
  const { options, transports, planned } = run;
  const { clock, log, signal = new AbortController().signal } = options;
  const hostedNames = new Set(planned.map(({ name }) => name));
  const deadlineMs = clock.monotonicMs() + (options.bootTimeoutMs ?? defaultBootTimeoutMs);

  for (const definition of planned) {
    const { name, contract } = definition;
    for (const need of Object.keys(definition.needs)) {
      if (!hostedNames.has(need)) await transports.waitFor(need, deadlineMs, signal);
    }
    signal.throwIfAborted();
    await named(definition, async () => {
      const hosted = await startService(definition, options, transports, run.workflows);
      run.hosted.push(hosted);
      checkHears(hosted);
      const { rpc } = hosted.running;
      if (contract && rpc) {
        const serving = {
          service: name,
          clock,
          log,
          metrics: run.rpcMetrics,
          gate: hosted.gate,
          tracer: options.tracer,
        };
        const implementation = interceptServer(contract, rpc, serving);
        transports.host(name, implementation);
        router.mount(contract, implementation);
      }
    });
  }
}

async function startBackground(run: Run): Promise<void> {
  await run.workflows.launch(run.hosted.map(({ definition, running }) => ({ definition, ops: running.ops })));
  for (const service of run.hosted) await named(service.definition, () => subscribe(run, service));
  for (const { definition, running } of run.hosted) {
    for (const job of running.jobs ?? []) run.supervisor.add(definition.name, job);
  }
  const { createPeerHttpHandler } = run.options;
  const here = listMounted(run).filter(({ peerUrl }) => peerUrl === undefined);
  if (createPeerHttpHandler) run.serveHttp = createPeerHttpHandler(here);
}

async function subscribe(run: Run, service: HostedService): Promise<void> {
  const { clock, log, cluster, metrics } = run.options;
  const { subscriptions = [] } = service.running;
  if (subscriptions.length === 0 || !cluster) return;
  run.feed ??= await openEventFeed({ db: cluster.open(eventLogName), log, clock, metrics });
  service.subscriptions = await startSubscriptions({
    serviceName: service.definition.name,
    subscriptions,
    db: openDatabase(service.definition, run.options),
    feed: run.feed,
    log,
    clock,
    tracer: run.options.tracer,
  });
  // What was said between the service's first look at the data and now was heard by nobody.
  for (const subscription of subscriptions) if (subscription.mode === "broadcast") subscription.onGap();
}

/** The owner of the public listener opens it: what a client can reach is then all there. */
async function serveAll(run: Run): Promise<void> {
  const program: ProgramFace = {
    listMounted: () => listMounted(run),
    listHealthChecks: () => listHealthChecks(run),
    peerToken: run.options.peerToken,
    tracer: run.options.tracer,
  };
  for (const { definition, running } of run.hosted) {
    await named(definition, async () => {
      run.publicUrl ??= await running.serve?.(program);
    });
  }
}

/** Does a part of a service's start; whatever it throws then says whose start it was. */
async function named({ name: service }: AnyService, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new Failure(bootFailures.start_failed, { service }, { cause });
  }
}

function toProgram(run: Run): Program {
  const hurry = new AbortController();
  let stopped: Promise<void> | undefined;
  return {
    hosted: run.hosted.map(({ definition }) => definition.name),
    peerUrl: run.listener?.url,
    publicUrl: run.publicUrl,
    mounted: () => listMounted(run),
    client({ name, contract }) {
      if (!contract) throw new TypeError(`service ${name} has no contract`);
      return createClient(contract, run.transports.to(name));
    },
    workflows: run.workflows.desk,
    health: () => listHealthChecks(run),
    stop(signal) {
      if (signal?.aborted) hurry.abort();
      signal?.addEventListener("abort", () => hurry.abort(), { once: true });
      stopped ??= stop(run, hurry.signal);
      return stopped;
    },
  };
}

function listMounted({ options, hosted, transports }: Run): MountedService[] {
  return options.services.flatMap(({ name, routes }): MountedService[] => {
    if (routes.length === 0) return [];
    const here = hosted.find(({ definition }) => definition.name === name);
    if (here) return [{ name, routes, ops: here.running.ops, peerUrl: undefined }];
    if (options.peers?.[name] === undefined) return [];
    return [
      {
        name,
        routes,
        ops: undefined,
        get peerUrl() {
          return transports.urlOf(name);
        },
      },
    ];
  });
}

function listHealthChecks({ options, hosted }: Run): Readonly<Record<string, HealthCheck>> {
  const checks: Record<string, HealthCheck> = {};
  for (const { definition, running, subscriptions } of hosted) {
    for (const [name, check] of Object.entries(running.health ?? {})) checks[`${definition.name}.${name}`] = check;
    if (subscriptions) checks[`${definition.name}.subscriptions`] = () => subscriptions.check();
  }
  const storing = hosted.find(({ definition }) => definition.migrations !== undefined);
  if (storing) checks.database = () => openDatabase(storing.definition, options).ping(pingTimeoutMs);
  return checks;
}

async function stop(run: Run, hurry: AbortSignal): Promise<void> {
  run.state = "stopping";
  const { options, feed, listener, transports, supervisor } = run;
  const { clock, log } = options;
  const limits = { ...defaultStopLimitsMs, ...options.stopLimitsMs };
  const reversed = run.hosted.toReversed();
  const phases: StopPhase[] = [
    {
      name: "drain",
      limitMs: limits.drain,
      steps: reversed.map(({ definition, running }) => ({
        name: definition.name,
        run: (signal) => running.drain?.(signal),
      })),
    },
    {
      name: "cut",
      limitMs: limits.cut,
      steps: run.hosted.map(({ definition, running }) => ({
        name: definition.name,
        run: (signal) => running.cut?.(signal),
      })),
    },
    {
      name: "background",
      limitMs: limits.background,
      steps: [
        { name: "jobs", run: () => supervisor.stop() },
        ...reversed.map(({ definition, subscriptions }) => ({
          name: definition.name,
          run: () => subscriptions?.stop(),
        })),
        { name: "workflows", run: (signal) => run.workflows.stop(signal) },
        { name: "events", run: () => feed?.close() },
      ],
    },
    {
      name: "services",
      limitMs: limits.services,
      steps: reversed.map(({ definition, running, gate }) => ({
        name: definition.name,
        async run(signal) {
          await gate.close(signal);
          await running.stop?.();
        },
      })),
    },
    {
      name: "connections",
      limitMs: limits.connections,
      steps: [
        { name: "peer listener", run: (signal) => listener?.close(signal) },
        { name: "peers", run: () => transports.close() },
      ],
    },
  ];
  await runStopPhases(phases, { clock, log, hurry });
  log.info("program has stopped");
}
