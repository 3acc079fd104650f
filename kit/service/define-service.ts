import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { z } from "zod";
import type { Secret } from "../config/secret.ts";
import type { Database } from "../db/database.ts";
import type { EventType, Outbox, Subscription } from "../events/event.ts";
import type { Health } from "../health/health.ts";
import type { HealthCheck } from "../health/health-check.ts";
import type { Route } from "../http/route.ts";
import type { Site } from "../http/site.ts";
import type { Idempotency } from "../idempotency/idempotency.ts";
import type { MetricsText } from "../observability/metrics.ts";
import type { Tracer } from "../observability/tracing.ts";
import type { Degradation } from "../resilience/degradation.ts";
import type { SharedCounts } from "../resilience/shared-counts.ts";
import type { CheckedRpc } from "../rpc/checked-rpc.ts";
import type { RunDesk } from "../workflow/run-desk.ts";
import type { AnySaga, Saga } from "../workflow/saga.ts";
import type { StartedRun } from "../workflow/workflow-engine.ts";
import type { Clock } from "./clock.ts";
import type { Random } from "./ids.ts";

/** Contracts that a service calls, by the name of the service that owns each. */
export type Needs = Readonly<Record<string, DescService>>;

/** Top-level sections of the configuration that a service reads, each with its schema. */
export type ConfigSections = Readonly<Record<string, z.ZodType>>;

/** Work that a service repeats by itself. An error is logged and backs the next run off; it never ends the process. */
export interface Job {
  readonly name: string;
  readonly everyMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** The routes of one service as they are reachable from this process. */
export interface MountedService {
  readonly name: string;
  readonly routes: readonly Route<never>[];
  /** What to hand to the routes' handlers; undefined when a peer hosts the service. */
  readonly ops: unknown;
  /** Base URL of a peer that hosts the service, maybe another one each time; undefined when this process does. */
  readonly peerUrl: string | undefined;
}

/** The program around a service, as the owner of the public listener sees it once everything runs. */
export interface ProgramFace {
  /** Routes of every service within reach. */
  listMounted(): readonly MountedService[];
  /** Of every service of this process, by checks named `<service>.<check>`, of the database and of the process. */
  readonly health: Health;
  /** Shown to peers to which a request is forwarded. */
  readonly peerToken: Secret;
  /** Records requests; absent unless traces are wanted. */
  readonly tracer?: Tracer | undefined;
  /** Of all processes that share the public port; absent where there is one. */
  readonly allMetrics?: MetricsText | undefined;
  /** Pages for browsers; absent where there are none. */
  readonly site?: Site | undefined;
}

/** The runs of a service's own sagas. Every method throws `kit.unavailable` until all services of the process run. */
export interface ServiceWorkflows {
  /** As `WorkflowEngine.start`: the same id of the same saga is the same run. */
  start<Input, Results, Ops>(
    saga: Saga<Input, Results, Ops>,
    run: { readonly id: string; readonly input: Input },
  ): Promise<StartedRun<Results>>;
  /** Sends what the run's step `waitFor` of that id waits for. The same `messageId` is sent once. */
  send(saga: AnySaga, id: string, stepId: string, payload: unknown, messageId?: string): Promise<void>;
}

/** The sections that a service reads, parsed. */
export type ServiceConfig<C extends ConfigSections> = { readonly [Section in keyof C]: z.output<C[Section]> };

/** What a service is given to run with. Nothing else is reached for. */
export interface ServiceDeps<N extends Needs, C extends ConfigSections> {
  /** As it was when the service started. */
  readonly config: ServiceConfig<C>;
  /** Calls the listener, which must not throw, whenever keys that are marked live have changed. */
  onConfigChange(listener: (config: ServiceConfig<C>) => void): void;
  /** Where people reach the installation: scheme, host and port. To be asked when it is needed: at the start nobody listens yet. */
  publicUrl(): string;
  /** What this process is called in events and answers, such as `host:pid`. */
  readonly node: string;
  /** How much this process offers, over all its services. */
  readonly degradation: Degradation;
  /** Counts that this process keeps with those that share its public port; by itself where there are none. */
  readonly sharedCounts: SharedCounts;
  readonly clients: { readonly [Name in keyof N]: Client<N[Name]> };
  /** Throws on use when the definition has no migrations. */
  readonly db: Database;
  readonly outbox: Outbox;
  /** For the operations that `idempotent` names. */
  readonly idempotency: Idempotency;
  readonly workflows: ServiceWorkflows;
  /** A folder of the local disk for files of this service, for all its processes on this machine. It may not exist yet. */
  readonly folder: string;
  /** Runs of the sagas of all services. Throws a TypeError on use, except in the service `workflow`. */
  readonly runDesk: RunDesk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
  /** 32 bytes for one purpose, derived from the installation's root key (HKDF-SHA256, RFC 5869). */
  deriveKey(purpose: string): Buffer;
}

/** A started service's faces. */
export interface RunningService<Contract extends DescService, Ops> {
  readonly ops: Ops;
  readonly rpc?: CheckedRpc<Contract>;
  readonly subscriptions?: readonly Subscription[];
  readonly jobs?: readonly Job[];
  /** While a critical one is unhealthy, the process is not ready and the service takes no events. */
  readonly health?: Readonly<Record<string, HealthCheck>>;
  /**
   * Opens a listener of its own and gives its URL. Called last, when every service of the process runs with its
   * subscriptions and jobs.
   */
  serve?(program: ProgramFace): Promise<string | undefined>;
  /** Stops accepting new work; resolves when work under way has ended or `signal` aborts. */
  drain?(signal: AbortSignal): Promise<void>;
  /**
   * Ends what is still under way after the drain, with an error that says so; resolves when it has ended. In the order of
   * the start: who listens ends after those who answer.
   */
  cut?(signal: AbortSignal): Promise<void>;
  /** Frees what is left. Runs after every dependant has stopped. */
  stop?(): Promise<void>;
}

/** A service as data, and how to start it. */
export interface ServiceDefinition<
  Contract extends DescService = DescService,
  N extends Needs = Needs,
  C extends ConfigSections = ConfigSections,
  Ops = unknown,
> {
  /** Folder name, schema name (dashes become underscores), and the word after `--run`. */
  readonly name: string;
  readonly contract?: Contract;
  readonly needs: N;
  readonly publishes: readonly EventType[];
  readonly hears: readonly EventType[];
  readonly config: C;
  /**
   * Operations that may be sent again with the same `idempotency-key` header, by RPC or by a route of that operation: they
   * go through `deps.idempotency`. The migrations create its table.
   */
  readonly idempotent?: readonly (keyof Contract["method"] & string)[];
  /** Methods of which the audit is told nothing, because what they do is a record itself. */
  readonly unaudited?: readonly (keyof Contract["method"] & string)[];
  /** Folder of numbered `.sql` files, forward only. */
  readonly migrations?: URL;
  /** Its sagas; their steps are given the service's `ops`. */
  readonly workflows?: readonly AnySaga[];
  readonly routes: readonly Route<Ops>[];
  /** True for the service that owns the public listener: every service with routes must then be within reach. */
  readonly servesRoutes?: boolean;
  start(deps: ServiceDeps<N, C>): Promise<RunningService<Contract, Ops>>;
}

/** Any service, for lists and graphs. */
// biome-ignore lint/suspicious/noExplicitAny: existential type; a list of services has no common parameters
export type AnyService = ServiceDefinition<any, any, any, any>;

/** Declares a service. Gives back what it is given, typed. */
export function defineService<Contract extends DescService, N extends Needs, C extends ConfigSections, Ops>(
  definition: ServiceDefinition<Contract, N, C, Ops>,
): ServiceDefinition<Contract, N, C, Ops> {
  return definition;
}
