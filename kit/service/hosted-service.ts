import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { Database } from "../db/database.ts";
import { createOutbox } from "../events/outbox.ts";
import type { RunningSubscriptions } from "../events/subscriptions.ts";
import { createIdempotency, type Idempotency } from "../idempotency/idempotency.ts";
import type { Degradation } from "../resilience/degradation.ts";
import { unsharedCounts } from "../resilience/shared-counts.ts";
import { type CallGate, createCallGate } from "../rpc/call-gate.ts";
import type { AnyService, RunningService } from "./define-service.ts";
import type { BootOptions } from "./program.ts";
import type { Transports } from "./transports.ts";
import type { WorkflowHost } from "./workflow-host.ts";

/** A service that has started in this process. */
export interface HostedService {
  readonly definition: AnyService;
  readonly running: RunningService<DescService, unknown>;
  readonly gate: CallGate;
  readonly idempotency: Idempotency;
  subscriptions?: RunningSubscriptions;
}

/** What the services of one process share, beside what it was booted with. */
export interface SharedParts {
  readonly transports: Transports;
  readonly workflows: WorkflowHost;
  readonly node: string;
  readonly degradation: Degradation;
  /** Where this process listens for people, once it does. */
  readonly publicUrl?: string | undefined;
}

const usualUrl = "http://127.0.0.1:8080";

/** Starts one service with what it declares and nothing else. Rejects with what its `start` rejects with. */
export async function startService(
  definition: AnyService,
  options: BootOptions,
  shared: SharedParts,
): Promise<HostedService> {
  const { transports, workflows, node, degradation } = shared;
  const { publicUrl = (listening) => listening ?? usualUrl } = options;
  const { name, needs, publishes } = definition;
  const { clock, random, metrics } = options;
  const clients = Object.entries(needs as Readonly<Record<string, DescService>>).map(
    ([need, contract]) => [need, createClient(contract, transports.to(need, name))] as const,
  );
  const db = openDatabase(definition, options);
  const idempotency = createIdempotency({ db, clock, random, key: options.deriveKey(`${name}.idempotency`) });
  const configOf = (all: BootOptions["config"]) =>
    Object.fromEntries(Object.keys(definition.config).map((section) => [section, all[section]] as const));
  const running: RunningService<DescService, unknown> = await definition.start({
    config: configOf(options.config),
    onConfigChange: (listener) => options.onConfigChange?.((all) => listener(configOf(all))),
    publicUrl: () => publicUrl(shared.publicUrl),
    node,
    degradation,
    sharedCounts: options.sharedCounts ?? unsharedCounts,
    clients: Object.fromEntries(clients),
    db,
    outbox: createOutbox({ source: name, publishes, clock, random }),
    idempotency,
    workflows: workflows.clientOf(definition),
    folder: join(options.dataDir, name),
    runDesk: workflows.deskOf(definition),
    clock,
    random,
    log: options.log.child({ service: name }),
    metrics,
    deriveKey: (purpose: string) => options.deriveKey(purpose),
  });
  return { definition, running, gate: createCallGate(name), idempotency };
}

/** Throws a TypeError when a service subscribes to an event that its definition does not name in `hears`. */
export function checkHears({ definition, running }: HostedService): void {
  const heard = new Set(definition.hears.map(({ type }) => type));
  for (const { type } of (running.subscriptions ?? []).flatMap(({ events }) => events)) {
    if (!heard.has(type)) throw new TypeError(`service ${definition.name} does not declare that it hears ${type}`);
  }
}

/** A service's own database, or for one without migrations a stand-in that throws on use. */
export function openDatabase({ name, migrations }: AnyService, { cluster }: BootOptions): Database {
  if (migrations !== undefined && cluster) return cluster.open(name);
  const refuse = (): never => {
    throw new TypeError(`service ${name} has no migrations, and so no database`);
  };
  return {
    get sql() {
      return refuse();
    },
    transaction: refuse,
    ping: refuse,
  };
}
