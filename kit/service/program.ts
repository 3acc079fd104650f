import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Secret } from "../config/secret.ts";
import type { Cluster } from "../db/cluster.ts";
import type { Target } from "../discovery/target.ts";
import type { BrokerTransport } from "../events/broker-transport.ts";
import type { Health } from "../health/health.ts";
import type { HealthCheck } from "../health/health-check.ts";
import type { Site } from "../http/site.ts";
import type { MetricsText } from "../observability/metrics.ts";
import type { Tracer } from "../observability/tracing.ts";
import type { Degradation } from "../resilience/degradation.ts";
import type { PoliciesConfig } from "../resilience/policies.ts";
import type { SharedCounts } from "../resilience/shared-counts.ts";
import type { AuditSink } from "../rpc/audit.ts";
import type { HostedRuns } from "../workflow/hosted-runs.ts";
import type { RunDesk } from "../workflow/run-desk.ts";
import type { ParkedRun } from "../workflow/workflow-store.ts";
import type { Clock } from "./clock.ts";
import type { AnyService, MountedService } from "./define-service.ts";
import type { Random } from "./ids.ts";

export type RequestListener = (req: IncomingMessage, res: ServerResponse) => void;

export interface BootOptions {
  /** The whole program, the same list in every process of an installation. */
  readonly services: readonly AnyService[];
  /** Names of those that this process hosts. All by default. */
  readonly run?: readonly string[] | undefined;
  /** Where services are that other processes host: `http://10.0.0.7:7400`, several of these, or a registry. */
  readonly peers?: Readonly<Record<string, Target>> | undefined;
  /** How calls to a peer's services are made, by service; the platform's breaker and retry unless given. */
  readonly policies?: PoliciesConfig | undefined;
  /** The resolved configuration by section. */
  readonly config: Readonly<Record<string, unknown>>;
  /**
   * Where people reach the installation, given where this process listens for them; undefined while, or when, it does not. That address, or
   * `http://127.0.0.1:8080`, unless given.
   */
  readonly publicUrl?: ((listening: string | undefined) => string) | undefined;
  /** Where services keep files on the local disk, each below its own name. */
  readonly dataDir: string;
  /** Calls the listener with the resolved configuration whenever it has changed. Without it, it never does. */
  readonly onConfigChange?: ((listener: (config: Readonly<Record<string, unknown>>) => void) => void) | undefined;
  /** What this process is called in events and answers; a random id unless given. */
  readonly node?: string | undefined;
  /** How much this process offers. The caller stops it after `stop`; one that only services change unless given. */
  readonly degradation?: Degradation | undefined;
  /** Counts kept with the processes that share this one's public port. */
  readonly sharedCounts?: SharedCounts | undefined;
  /** How the event log is looked after; it is read and written without. */
  readonly events?: EventOptions | undefined;
  /** Not yet prepared. Needed when a hosted service keeps data or hears events. The caller closes it after `stop`. */
  readonly cluster?: Cluster | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Of all processes that share the public port; `metrics` unless given. */
  readonly allMetrics?: MetricsText | undefined;
  /** Pages for browsers, which the owner of the public listener shows. */
  readonly site?: Site | undefined;
  /** Records calls and events; absent unless traces are wanted. The caller closes it after `stop`. */
  readonly tracer?: Tracer | undefined;
  deriveKey(purpose: string): Buffer;
  /** Shared by the processes of an installation; required on every call between them. */
  readonly peerToken: Secret;
  /** Where other processes call this one. Without it, nobody does. Port 0 takes any free one. */
  readonly peerListen?: PeerListen | undefined;
  /** Serves HTTP/1.1 on the peer port with the routes of the hosted services, once all of them have started. */
  readonly createPeerHttpHandler?: ((mounted: readonly MountedService[]) => RequestListener) | undefined;
  /** Told of each call that may have changed something; a line in the log with `audit: true` unless given. */
  readonly audit?: AuditSink | undefined;
  /** Checks of the process itself, by name, beside those of its services. */
  readonly healthChecks?: Readonly<Record<string, HealthCheck>> | undefined;
  /** Calls a person when a workflow waits for one. At least once each time; the log has it in any case. */
  readonly onWorkflowParked?: ((run: Omit<ParkedRun, "parkedAt">) => Promise<void>) | undefined;
  /** How long to wait for the peers that hosted services need, all together. Default 30 s. */
  readonly bootTimeoutMs?: number | undefined;
  /**
   * Limits of the phases of a stop. Defaults: drain 12 s, cut 3 s, background 5 s, services 7 s, connections 3 s: 30 s in
   * all.
   */
  readonly stopLimitsMs?: Partial<StopLimitsMs> | undefined;
  /** Gives up booting, and stops what has started. */
  readonly signal?: AbortSignal | undefined;
}

export interface PeerListen {
  readonly host: string;
  readonly port: number;
  /** Tells whoever holds a token what is served (grpc.reflection). True by default. */
  readonly reflection?: boolean | undefined;
}

export interface EventOptions {
  /** How long the log keeps every event at least. */
  readonly keepMs: number;
  /** Where durable subscriptions hear from; the log itself unless given. The caller closes it after `stop`. */
  readonly transport?: BrokerTransport | undefined;
}

export interface StopLimitsMs {
  readonly drain: number;
  readonly cut: number;
  readonly background: number;
  readonly services: number;
  readonly connections: number;
}

/** The services of this process, running. */
export interface Program {
  /** Names in the order in which they started. */
  readonly hosted: readonly string[];
  /** URL of the peer listener, with the port that was really bound. */
  readonly peerUrl: string | undefined;
  /** URL of the public listener; undefined when another process has it. */
  readonly publicUrl: string | undefined;
  /** Every service with routes that is within reach, here or at a peer. */
  mounted(): readonly MountedService[];
  /** A client of any service within reach. Throws a TypeError for another. */
  client<Contract extends DescService>(service: ClientOf<Contract>): Client<Contract>;
  /** Runs of the services' sagas, to look at and to talk to; undefined when no hosted service has any. */
  readonly workflows: (RunDesk & HostedRuns) | undefined;
  /** Of all hosted services, by checks named `<service>.<check>`, of the database and of the process. */
  readonly health: Health;
  /**
   * Stops in reverse: first says that it no longer serves and drains (the public listener first), then cuts
   * what has not ended (the public listener last), then ends subscriptions and jobs, then the services with their last calls, then all connections. Each phase has a limit, and
   * when `signal` aborts nothing more is waited for. Never rejects; may be repeated.
   */
  stop(signal?: AbortSignal): Promise<void>;
}

/** What a client can be made for: a service's definition, or just its name and contract. */
export interface ClientOf<Contract extends DescService> {
  readonly name: string;
  readonly contract?: Contract;
}
