import { after, before, describe } from "node:test";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import { type Cluster, openCluster } from "../db/cluster.ts";
import { boot } from "../service/boot.ts";
import { systemClock } from "../service/clock.ts";
import type { AnyService, ConfigSections } from "../service/define-service.ts";
import { checkGraph } from "../service/graph.ts";
import { createRandom } from "../service/ids.ts";
import type { BootOptions, ClientOf, Program } from "../service/program.ts";
import { createTransports } from "../service/transports.ts";
import { createTestDatabase } from "./postgres.ts";
import { createTempFolder } from "./temp-folder.ts";
import { deriveTestKey, silentLog } from "./test-cluster.ts";

export interface TopologyOptions {
  /** The whole program under test. */
  readonly services: readonly AnyService[];
  /** Sections that the services read. Each is parsed by the service's own schema; one that is not given has its defaults. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Names of the services of each process, when they run apart. By default each service has a process of its own. */
  readonly groups?: readonly (readonly string[])[];
  /** What else each process is booted with. */
  readonly boot?: Partial<Pick<BootOptions, "clock" | "log" | "publicUrl" | "createPeerHttpHandler" | "stopLimitsMs">>;
}

/** A program as it runs under a test. To be used inside tests, not while they are declared. */
export interface Topology {
  /** A client of any of the services: in process, or over gRPC when they run apart. */
  client<Contract extends DescService>(service: ClientOf<Contract>): Client<Contract>;
  /** The process that hosts a service. */
  program(serviceName: string): Program;
  /** For looking into the database with every right. Throws when no service has one. */
  adminUrl(): string;
}

/**
 * Declares the same tests twice, each time on a fresh database: with all services in one program, and with each in a
 * program of its own that reaches the others through gRPC over loopback sockets, as separate processes do.
 */
export function eachTopology(title: string, options: TopologyOptions, declare: (topology: Topology) => void): void {
  const names = options.services.map(({ name }) => name);
  const apart = options.groups ?? names.map((name) => [name]);
  describe(`${title}, in one process`, () => declare(runTopology(options, [names])));
  describe(`${title}, in ${apart.length} processes`, () => declare(runTopology(options, apart)));
}

/** Boots before the suite's tests and stops after them. */
function runTopology(options: TopologyOptions, groups: readonly (readonly string[])[]): Topology {
  const stops: (() => Promise<void>)[] = [];
  let running: Topology | undefined;
  before(async () => {
    running = await start(options, groups, (work) => stops.push(work));
  });
  after(async () => {
    for (const stop of stops.toReversed()) await stop();
  });
  const required = () => {
    if (!running) throw new TypeError("a topology runs only inside its tests");
    return running;
  };
  return {
    client: (service) => required().client(service),
    program: (serviceName) => required().program(serviceName),
    adminUrl: () => required().adminUrl(),
  };
}

async function start(
  options: TopologyOptions,
  groups: readonly (readonly string[])[],
  onStop: (work: () => Promise<void>) => void,
): Promise<Topology> {
  const { services } = options;
  const adminUrl = services.some(({ migrations, hears }) => migrations || hears.length > 0)
    ? (await createTestDatabase({ after: onStop })).adminUrl
    : undefined;
  const peerToken = new Secret(deriveTestKey("peer-token").toString("base64url"));
  const clock = options.boot?.clock ?? systemClock;
  const shared = {
    services,
    dataDir: createTempFolder({ after: onStop }),
    config: parseConfig(options),
    clock,
    random: createRandom(clock),
    log: silentLog,
    deriveKey: deriveTestKey,
    peerToken,
    peerListen: { host: "127.0.0.1", port: 0 },
    ...options.boot,
  };

  const peers: Record<string, string> = {};
  const programs = new Map<string, Program>();
  const waiting = new Set(groups);
  while (waiting.size > 0) {
    const run = takeNext(services, waiting, peers);
    const cluster = adminUrl === undefined ? undefined : openTestProgramCluster(adminUrl, run.length, shared);
    if (cluster) onStop(() => cluster.close());
    const program = await boot({ ...shared, run, peers: { ...peers }, cluster, metrics: new Registry() });
    onStop(() => program.stop());
    for (const name of run) {
      programs.set(name, program);
      peers[name] = program.peerUrl ?? "";
    }
  }

  const program = (serviceName: string) => {
    const found = programs.get(serviceName);
    if (!found) throw new TypeError(`no group of this topology runs ${serviceName}`);
    return found;
  };
  const transports = createTransports({ peers, peerToken, clock });
  onStop(async () => transports.close());
  return {
    program,
    client(service) {
      if (groups.length === 1) return program(service.name).client(service);
      if (!service.contract) throw new TypeError(`service ${service.name} has no contract`);
      return createClient(service.contract, transports.to(service.name));
    },
    adminUrl() {
      if (adminUrl === undefined) throw new TypeError("no service of this topology has a database");
      return adminUrl;
    },
  };
}

/** Takes a group whose needs are hosted by itself or already run. Throws what is missing when there is none. */
function takeNext(
  services: readonly AnyService[],
  waiting: Set<readonly string[]>,
  peers: Readonly<Record<string, string>>,
): readonly string[] {
  for (const group of waiting) {
    if (checkGraph(services, group, peers).problems.length > 0) continue;
    waiting.delete(group);
    return group;
  }
  const problems = [...waiting].flatMap((group) => checkGraph(services, group, peers).problems);
  throw new AggregateError(problems, problems.map(({ message }) => message).join(" "));
}

function openTestProgramCluster(adminUrl: string, services: number, { clock }: Pick<BootOptions, "clock">): Cluster {
  const maxConnections = 3 * services + 12;
  return openCluster({ adminUrl, deriveKey: deriveTestKey, maxConnections, log: silentLog, clock });
}

function parseConfig({ services, config = {} }: TopologyOptions): Record<string, unknown> {
  const sections = services.flatMap((service) => Object.entries(service.config as ConfigSections));
  return Object.fromEntries(sections.map(([section, schema]) => [section, schema.parse(config[section])]));
}
