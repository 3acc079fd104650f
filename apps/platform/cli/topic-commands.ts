import { type CapacityDemand, defaultDemand, planCapacity } from "@lyss/kit/events/capacity-plan.ts";
import type { Command } from "commander";
import { CommandError } from "./api-client.ts";
import type { CliDeps } from "./context.ts";
import { print, toFields, toTable } from "./print.ts";

/** `lyss events topics`, `lyss events topics setup` and `lyss events plan`. */
export function addTopicCommands(events: Command, deps: CliDeps): void {
  const topics = events
    .command("topics")
    .description("show the broker's topics, and how far each consumer group is behind")
    .option("--config <file>", "configuration file (LYSS_CONFIG; else ./lyss.yaml if there is one)")
    .option("--json", "print JSON")
    .action(async (options) => {
      // Loaded when it is asked for: it reads the configuration of every service.
      const { listBrokerTopics } = await import("./broker-topics.ts");
      const found = await listBrokerTopics(deps, options.config);
      print({ write: deps.write, isJson: options.json === true }, found, (list) =>
        toTable(
          ["TOPIC", "PARTITIONS", "REPLICAS", "UNDER-REPLICATED", "MESSAGES", "RETENTION", "GROUP", "BEHIND"],
          list.flatMap(({ groups, ...topic }) => {
            const own = [topic.name, topic.partitions, topic.replicas, topic.underReplicated, topic.messages];
            const [first, ...others] = groups.map(({ name, behind }) => [name, behind]);
            const rest = others.map((group) => ["", "", "", "", "", "", ...group]);
            return [[...own, toDays(topic.retentionMs), ...(first ?? [])], ...rest];
          }),
        ),
      );
    });

  topics
    .command("setup")
    .description("create the topics that are missing, and tell what else is not as declared; safe to repeat")
    .option("--config <file>", "configuration file (LYSS_CONFIG; else ./lyss.yaml if there is one)")
    .option("--dry-run", "change nothing")
    .option("--yes", "also add partitions: keys move, so let every group catch up first")
    .option("--json", "print JSON")
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals();
      const { setUpBrokerTopics } = await import("./broker-topics.ts");
      const mayAddPartitions = options["yes"] === true;
      const isDryRun = options["dryRun"] === true;
      const done = await setUpBrokerTopics(deps, options["config"], { mayAddPartitions, isDryRun });
      print({ write: deps.write, isJson: options["json"] === true }, done, (list) =>
        list.length === 0
          ? "All topics are as declared."
          : toTable(
              ["TOPIC", "STATE", "DETAIL"],
              list.map(({ topic, state, detail }) => [topic, state, detail]),
            ),
      );
    });

  addPlanCommand(events, deps);
}

function addPlanCommand(events: Command, deps: CliDeps): void {
  const { retentionDays, replicas, handlerMs, subscriptions, brokerDiskGib, brokerMibPerS } = defaultDemand;
  events
    .command("plan")
    .description("plan a cluster: partitions, disk, brokers, and when to scale")
    .requiredOption("--peak-rate <events>", "events a second at the busiest time", toNumber)
    .requiredOption("--event-bytes <bytes>", "size of an event's data as JSON", toNumber)
    .option("--average-rate <events>", "events a second over a whole day (default: the peak)", toNumber)
    .option("--retention <days>", "days for which events are kept", toNumber, retentionDays)
    .option("--replicas <count>", "copies of each event", toNumber, replicas)
    .option("--handler-ms <ms>", "how long a handler takes for an event", toNumber, handlerMs)
    .option("--subscriptions <count>", "subscriptions that read every event", toNumber, subscriptions)
    .option("--broker-disk <GiB>", "disk of a broker", toNumber, brokerDiskGib)
    .option("--broker-throughput <MiB/s>", "what a broker reads and writes", toNumber, brokerMibPerS)
    .option("--json", "print JSON")
    .action((options) => {
      const demand: CapacityDemand = {
        peakRate: options.peakRate,
        ...(options.averageRate !== undefined && { averageRate: options.averageRate }),
        eventBytes: options.eventBytes,
        retentionDays: options.retention,
        replicas: options.replicas,
        handlerMs: options.handlerMs,
        subscriptions: options.subscriptions,
        brokerDiskGib: options.brokerDisk,
        brokerMibPerS: options.brokerThroughput,
      };
      print({ write: deps.write, isJson: options.json === true }, tryToPlan(demand), (plan) =>
        toFields({
          partitions: plan.partitions,
          brokers: plan.brokers,
          "disk, all brokers": `${plan.diskGib} GiB`,
          "traffic of a broker at the peak": `${plan.brokerMibPerSAtPeak.toFixed(1)} MiB/s`,
          "add partitions above": `${plan.scaleWhen.peakRateAbove} events/s`,
          "add disk or brokers above": `${plan.scaleWhen.usedGibAbove} GiB used`,
          "add brokers above": `${plan.scaleWhen.brokerMibPerSAbove} MiB/s on one of them`,
        }),
      );
    });
}

function tryToPlan(demand: CapacityDemand) {
  try {
    return planCapacity(demand);
  } catch (err) {
    if (err instanceof RangeError) throw new CommandError(`This cannot be planned: ${err.message}.`);
    throw err;
  }
}

function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new CommandError(`${text} is not a number.`);
  return value;
}

function toDays(durationMs: number | undefined): string {
  return durationMs === undefined ? "for ever" : `${Number((durationMs / 86_400_000).toFixed(2))} d`;
}
