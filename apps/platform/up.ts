import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { registerConfigMetrics } from "@lyss/kit/config/config-metrics.ts";
import type { LiveConfig } from "@lyss/kit/config/live-config.ts";
import { type Cluster, openCluster } from "@lyss/kit/db/cluster.ts";
import { type EmbeddedPostgres, embeddedConnections, startEmbeddedPostgres } from "@lyss/kit/db/embedded-postgres.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { diskSpaceCheck, eventLoopCheck } from "@lyss/kit/health/checkers.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { createPeerHttpHandler } from "@lyss/kit/http/peer-handler.ts";
import { createMetrics, type MetricsText } from "@lyss/kit/observability/metrics.ts";
import { sendMetricsByOtlp } from "@lyss/kit/observability/otlp-metrics.ts";
import type { Tracer } from "@lyss/kit/observability/tracing.ts";
import { createDegradation, type Degradation } from "@lyss/kit/resilience/degradation.ts";
import { registerDegradationMetrics } from "@lyss/kit/resilience/degradation-metrics.ts";
import { createLoopMonitor } from "@lyss/kit/resilience/load-shed-loop-monitor.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import { boot } from "@lyss/kit/service/boot.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import type { EventOptions, Program } from "@lyss/kit/service/program.ts";
import { findPresetProviders } from "@lyss/services/ai-gateway/provider-presets.ts";
import { toPasskeyPlace } from "@lyss/services/auth/factors/factor-config.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { user } from "@lyss/services/user/service.ts";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { firstRunBanner, readyLine } from "./banner.ts";
import type { PlatformConfig } from "./config.ts";
import { type Console, openConsole } from "./console/console.ts";
import { openEvents } from "./event-transport.ts";
import { runFirstTime } from "./first-run.ts";
import { firstRunFile } from "./first-run-file.ts";
import { openGatewayLink } from "./gateway-link.ts";
import { type Gateways, gatewayServices, startGateways } from "./gateways.ts";
import manifest from "./package.json" with { type: "json" };
import { createKeyDerivation, derivePeerToken, loadRootKey } from "./root-key.ts";
import { services } from "./services.ts";

export interface UpOptions {
  readonly live: LiveConfig<PlatformConfig>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the command line, for gateway processes that are started likewise. */
  readonly args: readonly string[];
  readonly locale: Locale;
  readonly log: Logger;
  /** Shows a person text on the terminal. */
  readonly write: (text: string) => void;
  /** Gives up starting. */
  readonly signal: AbortSignal;
}

/** A running process of the platform. */
export interface Platform {
  /** Address of the public listener; undefined when another process has it. */
  readonly url: string | undefined;
  readonly program: Program;
  /** Ends calls under way within the configured limit, then everything; at once when `signal` aborts. Safe to repeat. */
  stop(signal: AbortSignal): Promise<void>;
}

/**
 * Starts the services that the configuration names, with the embedded database unless one is given, and makes the first
 * tenant and its key on the first start. Rejects, with everything stopped again, when anything cannot be had.
 */
export async function startPlatform(options: UpOptions): Promise<Platform> {
  const { live, log, signal } = options;
  const config = live.current();
  // Said before anything is touched.
  if (config.http.publicUrl) toPasskeyPlace(config.http.publicUrl, config.auth.secondFactors);
  const dataDir = resolve(config.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const deriveKey = createKeyDerivation(loadRootKey(dataDir, config.rootKey));
  let postgres: EmbeddedPostgres | undefined;
  let cluster: Cluster | undefined;
  let program: Program | undefined;
  let gateways: Gateways | undefined;
  let tracer: Tracer | undefined;
  let site: Console | undefined;
  const metrics = createMetrics();
  let endMetrics: (() => Promise<void>) | undefined;
  const link = openGatewayLink({ metrics, clock: systemClock, onReload: live.reload });
  const events = openEvents(config.events, services);
  const degradation = createDegradation({
    clock: systemClock,
    onChange: (change) => log.warn(change, "the level of what is offered has changed"),
  });

  const stop = async (hurry: AbortSignal) => {
    site?.stop();
    await gateways?.stop(hurry);
    await program?.stop(hurry);
    degradation.stop();
    await events.transport?.close();
    await tracer?.close();
    await endMetrics?.();
    await cluster?.close();
    await postgres?.stop();
    link?.close();
  };
  try {
    // Beside the database's start, and for nothing to wait for.
    if (showsConsole(config)) site = openConsole({ ...options, dataDir, mayBuild: !link, clock: systemClock });
    if (!config.database.url) {
      const settings = { max_connections: String(embeddedConnections + (config.gateways - 1) * gatewayConnections) };
      postgres = await startEmbeddedPostgres({ dir: join(dataDir, "postgres"), log, clock: systemClock, settings });
    }
    const adminUrl = postgres?.url ?? config.database.url?.reveal() ?? "";
    const maxConnections = Math.min(
      config.database.maxConnections,
      link ? gatewayConnections : Number.POSITIVE_INFINITY,
    );
    const eventLogConnections = events.transport ? 2 : 1;
    cluster = openCluster({ adminUrl, deriveKey, maxConnections, eventLogConnections, log, clock: systemClock });
    tracer = await openTracer(options);
    endMetrics = openMetricsSender(options, metrics);
    const publicUrl = (listening: string | undefined) =>
      config.http.publicUrl ?? gateways?.url ?? listening ?? toListenUrl(config.http);
    const shared = { dataDir, cluster, events, tracer, degradation, metrics, publicUrl, site };
    const opened = { ...shared, allMetrics: link?.allMetrics, sharedCounts: link?.sharedCounts };
    program = await bootServices(options, opened, deriveKey);
    if (config.gateways > 1) {
      gateways = await startGateways({ ...toGateways(options, program, metrics), clock: systemClock, log, signal });
      live.onChange(gateways.reload);
    }
    const url = gateways?.url ?? program.publicUrl;
    // One of several gateways leaves this to the process that started it.
    if (link && url !== undefined) link.tellReady(url);
    else if (url !== undefined) await greet(options, program, dataDir, url);
    return { url, program, stop };
  } catch (err) {
    await stop(AbortSignal.any([signal, AbortSignal.timeout(10_000)]));
    throw err;
  }
}

/** Whether this process has the public listener, or starts those that have it. */
function showsConsole({ http, run }: PlatformConfig): boolean {
  return http.console && run.includes("api-gateway");
}

/** Where the listener is on this machine, as the configuration has it. */
function toListenUrl({ host, port }: PlatformConfig["http"]): string {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** A gateway process asks the database for little: what it serves from comes by events and from its peers. */
const gatewayConnections = 12;
/** What a stop takes in all beside the calls under way (`StopLimitsMs`), and some more. */
const stopRestMs = 25_000;

/** How gateway processes are started: as this one, but for what each of them hosts. */
function toGateways({ live, args }: UpOptions, program: Program, metrics: Registry) {
  const { gateways: count, peers, stop } = live.current();
  const hosted = program.hosted.map((name): [string, string] => [name, program.peerUrl ?? ""]);
  const reached = [...Object.entries(peers), ...hosted].flatMap(([name, url]) => ["--peer", `${name}=${url}`]);
  const own = ["--gateways", "1", "--run", gatewayServices.join(","), "--rpc-port", "0"];
  return { count, args: [...args, ...own, ...reached], metrics, stopLimitMs: stop.drainTimeoutMs + stopRestMs };
}

/** What this process hosts itself. Throws an Error where several gateways are wanted and no gateway is to run. */
function toHosted({ run, gateways }: PlatformConfig): readonly string[] {
  if (gateways === 1) return run;
  const missing = gatewayServices.filter((name) => !run.includes(name));
  if (missing.length > 0) throw new Error(`gateways is ${gateways}, and run leaves out ${missing.join(", ")}`);
  return run.filter((name) => !gatewayServices.includes(name));
}

/** Who owns the public listener makes the first tenant, and so waits for all that a first run asks. */
const firstRunNeeds = { auth: AuthService, billing: BillingService, tenant: TenantService, user: UserService };
const awaitingFirstRun = services.map((service) =>
  service.servesRoutes ? { ...service, needs: { ...service.needs, ...firstRunNeeds } } : service,
);

/** Undefined unless traces are wanted: OpenTelemetry's SDK is not loaded then. */
async function openTracer({ live, log }: UpOptions): Promise<Tracer | undefined> {
  const config = live.current();
  const { otlpUrl, sampleRatio, slowMs } = config.tracing;
  if (otlpUrl === undefined) return undefined;
  const { createOtlpTracer } = await import("@lyss/kit/observability/otlp-tracer.ts");
  return createOtlpTracer({ otlpUrl, sampleRatio, slowMs, resource: toResource(config), clock: systemClock, log });
}

/** What of this process everything says that goes out by OTLP. */
function toResource({ run }: PlatformConfig): Readonly<Record<string, string>> {
  return {
    "service.name": "lyss",
    "service.version": manifest.version,
    "service.instance.id": node,
    "lyss.services": run.join(","),
  };
}

/** Undefined unless metrics are to be sent; else what ends that. */
function openMetricsSender({ live, log }: UpOptions, registry: Registry): (() => Promise<void>) | undefined {
  const config = live.current();
  const { otlpUrl, otlpEveryMs: everyMs } = config.metrics;
  if (otlpUrl === undefined) return undefined;
  const clock = systemClock;
  const fetch = createGuardedFetch({ guard: undefined, clock, timeoutMs: 5_000, maxBytes: 65_536 });
  return sendMetricsByOtlp({ registry, otlpUrl, everyMs, resource: toResource(config), fetch, clock, log });
}

/** What this process is called among those of the installation. */
const node = `${hostname()}:${process.pid}`;

interface OpenedParts {
  readonly publicUrl: (listening: string | undefined) => string;
  readonly dataDir: string;
  readonly cluster: Cluster;
  readonly events: EventOptions;
  readonly tracer: Tracer | undefined;
  readonly degradation: Degradation;
  readonly metrics: Registry;
  readonly allMetrics: MetricsText | undefined;
  readonly sharedCounts: SharedCounts | undefined;
  readonly site: Console | undefined;
}

function bootServices(
  { live, env, log, signal }: UpOptions,
  opened: OpenedParts,
  deriveKey: (purpose: string) => Buffer,
): Promise<Program> {
  const config = live.current();
  const { degradation, metrics } = opened;
  const run = toHosted(config);
  const peerToken = derivePeerToken(deriveKey);
  const random = createRandom(systemClock);
  const isWhole = services.every((service) => run.includes(service.name));
  const peerPort = config.rpc.port ?? (isWhole ? undefined : 0);
  const withPresets = (all: PlatformConfig) => {
    const configured = all.providers.map((provider) => provider.name);
    return { ...all, providers: [...all.providers, ...findPresetProviders(env, configured)] };
  };
  registerConfigMetrics(metrics, live);
  registerDegradationMetrics(metrics, degradation);
  followConfiguredLevel(degradation, live);
  return boot({
    services: awaitingFirstRun,
    ...{ run, peers: config.peers, random, log, deriveKey, peerToken, signal, node, ...opened },
    config: withPresets(config),
    onConfigChange: (listener) => live.onChange((next) => listener(withPresets(next))),
    clock: systemClock,
    peerListen:
      peerPort === undefined ? undefined : { host: config.rpc.host, port: peerPort, reflection: config.rpc.reflection },
    healthChecks: {
      disk: diskSpaceCheck({ path: resolve(config.dataDir), isCritical: false }),
      event_loop: eventLoopCheck(createLoopMonitor({ clock: systemClock }), { isCritical: false }),
    },
    createPeerHttpHandler: (mounted) =>
      createPeerHttpHandler({
        ...{ mounted, peerToken, log, metrics, random, tracer: opened.tracer },
        clock: systemClock,
        docBaseUrl: config.http.docBaseUrl,
      }).onRequest,
    bootTimeoutMs: config.rpc.bootTimeoutMs,
    stopLimitsMs: { drain: config.stop.drainTimeoutMs },
  });
}

/** The level that the file names, from now on and whenever that changes. What is set by hand in between holds until then. */
function followConfiguredLevel(degradation: Degradation, live: LiveConfig<PlatformConfig>): void {
  let followed: PlatformConfig["degradation"]["level"] = "auto";
  const follow = ({ degradation: { level } }: PlatformConfig) => {
    if (level === followed) return;
    followed = level;
    degradation.force(level === "auto" ? undefined : level);
  };
  follow(live.current());
  live.onChange(follow);
}

/** Says where the platform is; on the first start also what it made. */
async function greet(
  { locale, write, live }: UpOptions,
  program: Program,
  dataDir: string,
  url: string,
): Promise<void> {
  const config = live.current();
  const made = await runFirstTime({
    tenant: program.client(tenant),
    user: program.client(user),
    auth: program.client(auth),
    billing: program.client(billing),
    random: createRandom(systemClock),
    ...{ dataDir, url },
  });
  const model = config.aiGateway.simulator ? "simulated-chat" : (config.providers[0]?.models[0]?.name ?? "your-model");
  write(made ? firstRunBanner(made, model, join(dataDir, firstRunFile), locale) : readyLine(url, locale));
}
