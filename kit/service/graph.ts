import { Failure } from "../errors/failure.ts";
import { bootFailures } from "./boot-failures.ts";
import type { AnyService } from "./define-service.ts";

/** The part of a definition that decides who must be there before whom. */
export type GraphService = Pick<AnyService, "name" | "needs" | "routes" | "servesRoutes">;

export interface GraphCheck {
  /**
   * Every service of the program, each after those it needs. The same in every process of an installation, whatever
   * it hosts, so that processes that wait for each other's services cannot wait in a circle.
   */
  readonly order: readonly string[];
  /** Empty when the program can start. */
  readonly problems: readonly Failure[];
}

/**
 * Checks that every service hosted here finds what it needs: hosted as well, or at a peer's address. `services` is the
 * whole program. The owner of the public listener needs every service with routes to be in reach, and starts last.
 */
export function checkGraph(
  services: readonly GraphService[],
  hosted: readonly string[],
  peers: Readonly<Record<string, unknown>>,
): GraphCheck {
  const byName = new Map(services.map((service) => [service.name, service]));
  const withRoutes = services.filter(({ routes }) => routes.length > 0).map(({ name }) => name);
  const mustReach = (service: GraphService) => [
    ...Object.keys(service.needs),
    ...(service.servesRoutes ? withRoutes.filter((name) => name !== service.name) : []),
  ];

  const problems: Failure[] = [];
  const known = [...byName.keys()];
  const named: (readonly [option: string, names: readonly string[]])[] = [
    ["--run", hosted],
    ["peers", Object.keys(peers)],
  ];
  for (const [option, names] of named) {
    for (const service of names) {
      if (!byName.has(service)) problems.push(new Failure(bootFailures.unknown_service, { option, service, known }));
    }
  }
  for (const service of services) {
    for (const name of new Set(mustReach(service))) {
      const facts = { service: name, neededBy: service.name };
      if (!byName.has(name)) problems.push(new Failure(bootFailures.undeclared_need, facts));
      else if (hosted.includes(service.name) && !hosted.includes(name) && peers[name] === undefined) {
        problems.push(new Failure(bootFailures.unreachable_need, facts));
      }
    }
  }
  const { order, cycles } = sortByNeed(known, (name) => {
    const service = byName.get(name);
    return service ? mustReach(service).filter((need) => byName.has(need)) : [];
  });
  problems.push(...cycles.map((path) => new Failure(bootFailures.cycle, { path: path.join(" → ") })));
  return { order, problems };
}

/** Depth first, needs before dependants. Each cycle is the path from its first member back to it. */
function sortByNeed(names: readonly string[], needsOf: (name: string) => readonly string[]) {
  const order = new Set<string>();
  const cycles: string[][] = [];
  const visit = (name: string, path: readonly string[]) => {
    if (order.has(name)) return;
    const start = path.indexOf(name);
    if (start >= 0) {
      cycles.push([...path.slice(start), name]);
      return;
    }
    for (const need of needsOf(name)) visit(need, [...path, name]);
    order.add(name);
  };
  for (const name of names) visit(name, []);
  return { order: [...order], cycles };
}
