import type { DescService } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { Database } from "../db/database.ts";
import { createOutbox } from "../events/outbox.ts";
import type { RunningSubscriptions } from "../events/subscriptions.ts";
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
  subscriptions?: RunningSubscriptions;
}

/** Starts one service with what it declares and nothing else. Rejects with what its `start` rejects with. */
export async function startService(
  definition: AnyService,
  options: BootOptions,
  transports: Transports,
  workflows: WorkflowHost,
): Promise<HostedService> {
  const { name, needs, publishes } = definition;
  const { clock, random, metrics } = options;
  const clients = Object.entries(needs as Readonly<Record<string, DescService>>).map(
    ([need, contract]) => [need, createClient(contract, transports.to(need))] as const,
  );
  const config = Object.keys(definition.config).map((section) => [section, options.config[section]] as const);
  const running: RunningService<DescService, unknown> = await definition.start({
    config: Object.fromEntries(config),
    clients: Object.fromEntries(clients),
    db: openDatabase(definition, options),
    outbox: createOutbox({ source: name, publishes, clock, random }),
    workflows: workflows.clientOf(definition),
    runDesk: workflows.deskOf(definition),
    clock,
    random,
    log: options.log.child({ service: name }),
    metrics,
    deriveKey: (purpose: string) => options.deriveKey(purpose),
  });
  return { definition, running, gate: createCallGate(name) };
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
