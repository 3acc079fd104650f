import type { Topic, TopicState } from "./topic.ts";

/** One thing in which a broker's topics are not as declared. */
export type TopicStep =
  | { readonly kind: "create"; readonly topic: Topic }
  /** Keys move to other partitions: order holds only for hearers that have nothing waiting when it is done. */
  | { readonly kind: "raise-partitions"; readonly topic: Topic; readonly from: number }
  /** Must be changed by hand, at the broker or in the declaration. */
  | {
      readonly kind: "differs";
      readonly topic: Topic;
      readonly what: "partitions" | "replicas" | "retention";
      readonly wanted: number;
      readonly found: number | undefined;
    };

/**
 * What it takes to make a broker's topics as declared, in the order of the declaration; nothing when they are. A topic
 * that is not declared is left alone. `replicas`: how many copies are wanted; undefined when that is left to the broker.
 */
export function planTopics(
  declared: readonly Topic[],
  found: readonly TopicState[],
  replicas: number | undefined,
): readonly TopicStep[] {
  return declared.flatMap((topic): TopicStep[] => {
    const state = found.find(({ name }) => name === topic.name);
    if (!state) return [{ kind: "create", topic }];
    const steps: TopicStep[] = [];
    const differs = (what: "partitions" | "replicas" | "retention", wanted: number, have: number | undefined) =>
      steps.push({ kind: "differs", topic, what, wanted, found: have });
    if (state.partitions < topic.partitions) steps.push({ kind: "raise-partitions", topic, from: state.partitions });
    if (state.partitions > topic.partitions) differs("partitions", topic.partitions, state.partitions);
    if (replicas !== undefined && state.replicas !== replicas) differs("replicas", replicas, state.replicas);
    if (state.retentionMs !== topic.retentionMs) differs("retention", topic.retentionMs, state.retentionMs);
    return steps;
  });
}
