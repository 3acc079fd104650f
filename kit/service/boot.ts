import type { DescService } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { type Cluster, eventLogName } from "../db/cluster.ts";
import { Failure } from "../errors/failure.ts";
import { type BrokerRelay, relayName, startBrokerRelay } from "../events/broker-relay.ts";
import { type EventFeed, openEventFeed } from "../events/event-feed.ts";
import { createLogRetention } from "../events/log-retention.ts";
import { keepOnlyFor } from "../events/subscription-store.ts";
import { startSubscriptions } from "../events/subscriptions.ts";
import { databaseCheck } from "../health/checkers.ts";
import { createHealth, type Health } from "../health/health.ts";
import type { HealthCheck } from "../health/health-check.ts";
import { createHealthMonitor } from "../health/health-monitor.ts";
import { createDegradation, type Degradation } from "../resilience/degradation.ts";
import { createAuditLog } from "../rpc/audit.ts";
import type { CheckedRpc } from "../rpc/checked-rpc.ts";
import { Health as HealthContract } from "../rpc/gen/grpc/health/v1/health_pb.js";
import { createHealthService } from "../rpc/health-service.ts";
import { listenForPeers, type PeerListener } from "../rpc/peer-listener.ts";
import { createPeerRouter, type PeerRouter } from "../rpc/peer-router.ts";
import { mountReflection } from "../rpc/reflection-service.ts";
import { createRpcMetrics, type RpcMetrics } from "../rpc/rpc-metrics.ts";
import { interceptServer } from "../rpc/server-interceptor.ts";
import { bootFailures } from "./boot-failures.ts";
import { planBoot } from "./boot-plan.ts";
import type { AnyService, MountedService, ProgramFace } from "./define-service.ts";
import { checkHears, type HostedService, openDatabase, startService } from "./hosted-service.ts";
import type { BootOptions, Program, RequestListener, StopLimitsMs } from "./program.ts";
import { runStopPhases, type StopPhase } from "./stop-phases.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";
import { createTransports, type Transports } from "./transports.ts";
import { createWorkflowHost, type WorkflowHost, withWorkflowDatabase } from "./workflow-host.ts";

const defaultBootTimeoutMs = 30_000;
const defaultStopLimitsMs: StopLimitsMs = {
  drain: 12_000,
  cut: 3_000,
  background: 5_000,
  services: 7_000,
  connections: 3_000,
};

/** One program as far as it has come. */
interface Run {
  readonly options: BootOptions;
  readonly planned: readonly AnyService[];
  readonly transports: Transports;
  readonly rpcMetrics: RpcMetrics;
  readonly supervisor: Supervisor;
  readonly workflows: WorkflowHost;
  readonly health: Health;
  readonly monitor: ReturnType<typeof createHealthMonitor>;
  readonly node: string;
  readonly degradation: Degradation;
  /** In the order of their start. */
  readonly hosted: HostedService[];
  state: "starting" | "serving" | "stopping";
  serveHttp: RequestListener;
  listener?: PeerListener;
  publicUrl?: string | undefined;
  feed?: EventFeed;
  relay?: BrokerRelay;
}

/**
 * Starts the services that this process hosts, each when what it needs serves, here or at a peer. Resolves when all of
 * them run. Rejects with an AggregateError before anything is touched when the program cannot work as it is configured
 * (boot-plan.ts); with `boot.peer_missing` when a needed peer does not come; with `boot.start_failed` naming the service
 * whose start threw. What had started by then is stopped first.
 */
export async function boot(options: BootOptions): Promise<Program> {
  const { hosted: planned, needsDatabase, keepsLog } = planBoot(options);
  if (needsDatabase) await options.cluster?.prepare(withWorkflowDatabase(planned));
  const run = createRun(options, planned);
  const { log } = options;
  try {
    const router = await listen(run);
    await startAll(run, router);
    await startBackground(run);
    if (keepsLog) await keepLog(run);
    // Not before there is all that it looks at: an answer stands for a while.
    run.monitor.start();
    await serveAll(run);
    options.signal?.throwIfAborted();
  } catch (err) {
    await stop(run, options.signal ?? new AbortController().signal);
    throw err;
  }
  run.state = "serving";
  run.monitor.announce();
  log.info(
    { hosted: run.hosted.map(({ definition }) => definition.name), peerUrl: run.listener?.url },
    "program is running",
  );
  return toProgram(run);
}

function createRun(options: BootOptions, planned: readonly AnyService[]): Run {
  const { clock, log, peers = {} } = options;
  const hosted: HostedService[] = [];
  const health = createHealth({ checks: () => listHealthChecks(run), clock, log });
  const run: Run = {
    options,
    planned,
    transports: createTransports({ ...options, peers }),
    rpcMetrics: createRpcMetrics(options.metrics),
    supervisor: createSupervisor({ clock, log }),
    workflows: createWorkflowHost({ ...options, onParked: options.onWorkflowParked }, options.cluster),
    health,
    monitor: createHealthMonitor({ health, clock, checksOf: (service) => listOwnChecks(hosted, service) }),
    node: options.node ?? options.random.id("node"),
    degradation: options.degradation ?? createDegradation({ clock }),
    hosted,
    state: "starting",
    serveHttp: (_req, res) => res.writeHead(503, { "retry-after": "1" }).end(),
  };
  return run;
}

/**
 * Opens the peer port before the services start: each is announced as soon as it serves, so that two processes that
 * need services of each other can both come up. Until then calls to it are answered with `unavailable`.
 */
async function listen(run: Run): Promise<PeerRouter> {
  const { options } = run;
  const router = createPeerRouter(options.peerToken, () => run.state !== "starting", options.clock);
  const serving = {
    isServing: (service: string) => isServing(run, service),
    listNames: () => ["", ...run.planned.map(({ name }) => name)],
    onChange: run.monitor.onChange,
  };
  router.mount(HealthContract, createHealthService(serving));
  if (options.peerListen?.reflection ?? true) mountReflection(router);
  if (options.peerListen) {
    const onRequest: RequestListener = (req, res) => run.serveHttp(req, res);
    run.listener = await listenForPeers({ ...options.peerListen, router, onRequest, clock: options.clock });
  }
  return router;
}

/** `service` is a service's own name, the full name of its contract, or empty for the whole process. */
function isServing(run: Run, service: string): boolean | undefined {
  if (service === "") return run.state === "serving" && run.health.failing().size === 0;
  const isNamed = ({ name, contract }: AnyService) => name === service || contract?.typeName === service;
  const named = run.planned.find(isNamed);
  if (!named) return undefined;
  return run.hosted.some(({ definition }) => definition === named) && run.monitor.isWell(named.name);
}

async function startAll(run: Run, router: PeerRouter): Promise<void> {
  const { options, transports, planned } = run;
  const { clock, signal = new AbortController().signal } = options;
  const hostedNames = new Set(planned.map(({ name }) => name));
  const deadlineMs = clock.monotonicMs() + (options.bootTimeoutMs ?? defaultBootTimeoutMs);

  for (const definition of planned) {
    const { contract } = definition;
    for (const need of Object.keys(definition.needs)) {
      if (!hostedNames.has(need)) await transports.waitFor(need, deadlineMs, signal);
    }
    signal.throwIfAborted();
    await named(definition, async () => {
      const hosted = await startService(definition, options, run);
      run.hosted.push(hosted);
      checkHears(hosted);
      if (contract && hosted.running.rpc) serve(run, router, hosted, hosted.running.rpc);
      run.monitor.announce();
    });
  }
}

/** From now on the service is called, in process and by peers, along the one guarded path. */
function serve(run: Run, router: PeerRouter, { definition, gate }: HostedService, rpc: CheckedRpc<DescService>): void {
  const { services, clock, log, tracer, audit = createAuditLog(log) } = run.options;
  const { name, unaudited, idempotent } = definition;
  const callers = new Set(services.filter(({ needs }) => Object.hasOwn(needs, name)).map((caller) => caller.name));
  const implementation = interceptServer(rpc, {
    ...{ service: name, clock, log, metrics: run.rpcMetrics, gate, tracer, audit, callers, unaudited, idempotent },
  });
  run.transports.host(name, implementation);
  router.mount(rpc.contract, implementation);
}

async function startBackground(run: Run): Promise<void> {
  await run.workflows.launch(run.hosted.map(({ definition, running }) => ({ definition, ops: running.ops })));
  for (const service of run.hosted) await named(service.definition, () => subscribe(run, service));
  for (const { definition, running, idempotency } of run.hosted) {
    for (const job of running.jobs ?? []) run.supervisor.add(definition.name, job);
    if (definition.idempotent?.length) run.supervisor.add(definition.name, idempotency.sweep);
  }
  const { createPeerHttpHandler, peerListen } = run.options;
  const here = listMounted(run).filter(({ peerUrl }) => peerUrl === undefined);
  if (createPeerHttpHandler && peerListen) run.serveHttp = createPeerHttpHandler(here);
}

async function subscribe(run: Run, service: HostedService): Promise<void> {
  const { clock, log, cluster, events } = run.options;
  const { subscriptions = [] } = service.running;
  if (subscriptions.length === 0 || !cluster) return;
  service.subscriptions = await startSubscriptions({
    serviceName: service.definition.name,
    subscriptions,
    db: openDatabase(service.definition, run.options),
    feed: await openFeed(run, cluster),
    log,
    clock,
    tracer: run.options.tracer,
    gate: run.monitor.gateOf(service.definition.name),
    transport: events?.transport,
  });
  // What was said between the service's first look at the data and now was heard by nobody.
  for (const subscription of subscriptions) if (subscription.mode === "broadcast") subscription.onGap();
}

/** One for all services. */
async function openFeed(run: Run, cluster: Cluster): Promise<EventFeed> {
  const { clock, log, metrics } = run.options;
  run.feed ??= await openEventFeed({ db: cluster.open(eventLogName), log, clock, metrics });
  return run.feed;
}

/** Deletes what the log need not keep, and copies the rest to the broker if there is one. */
async function keepLog(run: Run): Promise<void> {
  const { services, clock, log, cluster, events } = run.options;
  if (!cluster || !events) return;
  const { keepMs, transport } = events;
  const db = cluster.open(eventLogName);
  await keepOnlyFor(db.sql, transport && relayName(transport));
  if (transport) {
    const types = services.flatMap(({ publishes }) => publishes.map(({ type }) => type));
    const { listener } = await openFeed(run, cluster);
    run.relay = await startBrokerRelay({ types, db, transport, listener, log, clock });
  }
  // After the relay, which holds back what it has not copied.
  run.supervisor.add(eventLogName, createLogRetention({ db, clock, keepMs }));
}

/** The owner of the public listener opens it: what a client can reach is then all there. */
async function serveAll(run: Run): Promise<void> {
  const program: ProgramFace = {
    listMounted: () => listMounted(run),
    health: run.health,
    peerToken: run.options.peerToken,
    tracer: run.options.tracer,
    allMetrics: run.options.allMetrics,
    site: run.options.site,
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
    health: run.health,
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

function listHealthChecks({ options, hosted, relay }: Run): Readonly<Record<string, HealthCheck>> {
  const checks: Record<string, HealthCheck> = { ...options.healthChecks };
  for (const { definition, running, subscriptions } of hosted) {
    for (const [name, check] of Object.entries(running.health ?? {})) checks[`${definition.name}.${name}`] = check;
    if (subscriptions) checks[`${definition.name}.subscriptions`] = () => subscriptions.check();
  }
  if (relay) checks["events.relay"] = relay.check;
  const storing = hosted.find(({ definition }) => definition.migrations !== undefined);
  if (storing) checks["database"] = databaseCheck(openDatabase(storing.definition, options));
  return checks;
}

/** The checks that a service itself names, and not that of its subscriptions: these wait for the others. */
function listOwnChecks(hosted: readonly HostedService[], service: string): readonly string[] {
  const found = hosted.find(({ definition }) => definition.name === service);
  const own = Object.keys(found?.running.health ?? {}).map((name) => `${service}.${name}`);
  return found?.definition.migrations === undefined ? own : [...own, "database"];
}

async function stop(run: Run, hurry: AbortSignal): Promise<void> {
  run.state = "stopping";
  run.monitor.close();
  const { options, feed, relay, listener, transports, supervisor } = run;
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
        {
          name: "events",
          async run() {
            await relay?.stop();
            await feed?.close();
          },
        },
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
        ...(options.degradation ? [] : [{ name: "degradation", run: () => run.degradation.stop() }]),
      ],
    },
  ];
  await runStopPhases(phases, { clock, log, hurry });
  log.info("program has stopped");
}
