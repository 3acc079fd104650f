import type { BrokerTransport } from "@lyss/kit/events/broker-transport.ts";
import type { TopicState } from "@lyss/kit/events/topic.ts";
import { planTopics, type TopicStep } from "@lyss/kit/events/topic-plan.ts";
import { connectBroker } from "../event-transport.ts";
import type { EventsConfig } from "../events-config.ts";
import { loadPlatformConfig } from "../load-platform-config.ts";
import { CommandError } from "./api-client.ts";
import type { CliDeps } from "./context.ts";

/** What was found, and what was done about it. */
export interface TopicOutcome {
  readonly topic: string;
  readonly state: "created" | "missing" | "partitions added" | "needs --yes" | "too few partitions" | "differs";
  readonly detail: string;
}

export interface SetUpOptions {
  readonly isDryRun: boolean;
  readonly mayAddPartitions: boolean;
}

/** The topics of the broker that the configuration names. Throws a CommandError when it names none or it is away. */
export async function listBrokerTopics(deps: CliDeps, file: string | undefined): Promise<readonly TopicState[]> {
  return withBroker(deps, file, (broker) => broker.listTopics());
}

/** Makes topics as declared, as far as that is safe; one outcome for each thing that was not. Safe to repeat. */
export async function setUpBrokerTopics(
  deps: CliDeps,
  file: string | undefined,
  options: SetUpOptions,
): Promise<readonly TopicOutcome[]> {
  return withBroker(deps, file, async (broker, { replicas }) => {
    const outcomes: TopicOutcome[] = [];
    for (const step of planTopics(broker.topics, await broker.listTopics(), replicas)) {
      outcomes.push(await take(broker, step, options));
    }
    return outcomes;
  });
}

async function take(
  broker: BrokerTransport,
  step: TopicStep,
  { isDryRun, mayAddPartitions }: SetUpOptions,
): Promise<TopicOutcome> {
  const { topic } = step;
  const { name, partitions } = topic;
  if (step.kind === "create") {
    if (!isDryRun) await broker.createTopic(topic);
    return { topic: name, state: isDryRun ? "missing" : "created", detail: `${partitions} partitions` };
  }
  if (step.kind === "raise-partitions") {
    const detail = `${step.from} partitions, declared are ${partitions}`;
    if (isDryRun) return { topic: name, state: "too few partitions", detail };
    if (!mayAddPartitions) return { topic: name, state: "needs --yes", detail };
    await broker.raisePartitions(name, partitions);
    return { topic: name, state: "partitions added", detail: `${step.from} before, ${partitions} now` };
  }
  const { what, wanted, found = "no limit" } = step;
  const unit = what === "retention" ? " ms" : "";
  return { topic: name, state: "differs", detail: `${what}: ${found}${unit}, wanted: ${wanted}${unit}` };
}

async function withBroker<Result>(
  { env, locale }: CliDeps,
  file: string | undefined,
  work: (broker: BrokerTransport, config: EventsConfig) => Promise<Result>,
): Promise<Result> {
  const { events } = loadPlatformConfig({ file, env, flags: {}, locale }).config;
  const { transport, servers } = events;
  if (transport === "postgres") {
    throw new CommandError(
      "Events go through PostgreSQL, which has no topics (events.transport is postgres). " +
        "Set events.transport to kafka or nats, and events.servers.",
    );
  }
  let broker: BrokerTransport;
  try {
    broker = await connectBroker(events);
  } catch (cause) {
    throw new CommandError(`No ${transport} broker can be used at ${servers.join(", ")}: ${reasonOf(cause)}`, {
      cause,
    });
  }
  try {
    return await work(broker, events);
  } catch (cause) {
    throw new CommandError(`The ${transport} broker refused: ${reasonOf(cause)}`, { cause });
  } finally {
    await broker.close();
  }
}

/** The innermost of what went wrong: the outer ones only say which call it was. */
function reasonOf(err: unknown): string {
  if (err instanceof AggregateError && err.errors.length > 0) return reasonOf(err.errors.at(-1));
  if (!(err instanceof Error)) return String(err);
  return err.cause === undefined ? err.message : reasonOf(err.cause);
}
