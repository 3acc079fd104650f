import type { Topic } from "@lyss/kit/events/topic.ts";

/** A topic for the tests' events. */
export function toTestTopic(name: string): Topic {
  return { name, types: ["test.*"], partitions: 3, retentionMs: 86_400_000 };
}
