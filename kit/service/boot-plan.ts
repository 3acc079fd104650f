import { Failure } from "../errors/failure.ts";
import { bootFailures } from "./boot-failures.ts";
import type { AnyService } from "./define-service.ts";
import { checkGraph } from "./graph.ts";
import { hasWorkflows } from "./workflow-host.ts";

export interface BootPlan {
  /** What this process hosts, each after those it needs. */
  readonly hosted: readonly AnyService[];
  /** True when one of them keeps data, hears events or has workflows. */
  readonly needsDatabase: boolean;
  /** True in the processes that look after the event log: those with the first service that has to do with it. */
  readonly keepsLog: boolean;
}

/**
 * What is to be started, and in which order. Touches nothing. Throws an AggregateError whose `errors` are Failures, one
 * for each thing that is missing or wrong.
 */
export function planBoot(options: {
  readonly services: readonly AnyService[];
  readonly run?: readonly string[] | undefined;
  readonly peers?: Readonly<Record<string, unknown>> | undefined;
  readonly config: Readonly<Record<string, unknown>>;
  readonly cluster?: unknown;
}): BootPlan {
  const { services, config, cluster } = options;
  const run = options.run ?? services.map(({ name }) => name);
  const { order, problems } = checkGraph(services, run, options.peers ?? {});
  const hosted = services
    .filter(({ name }) => run.includes(name))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));

  const missingSections = hosted.flatMap(({ name: service, config: sections }) =>
    Object.keys(sections)
      .filter((section) => config[section] === undefined)
      .map((section) => new Failure(bootFailures.missing_config, { service, section })),
  );
  const isStoring = (service: AnyService) =>
    service.migrations !== undefined || service.hears.length > 0 || hasWorkflows([service]);
  const storing = hosted.filter(isStoring);
  const keeper = services.find((service) => service.servesRoutes && isStoring(service)) ?? services.find(isStoring);
  const all = [...problems, ...missingSections];
  if (storing.length > 0 && cluster === undefined) {
    all.push(new Failure(bootFailures.missing_database, { services: storing.map(({ name }) => name) }));
  }
  if (all.length > 0) throw new AggregateError(all, all.map(({ message }) => message).join(" "));
  return { hosted, needsDatabase: storing.length > 0, keepsLog: storing.some((service) => service === keeper) };
}
