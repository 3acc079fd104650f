import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type BroadcastSubscription, type EventType, onBroadcast } from "../events/event.ts";
import type { InvalidationBus } from "./cache-driver.ts";

export interface EventLogBusOptions<Desc extends DescMessage> {
  /** What the subscription is called; unique within the service. */
  readonly name: string;
  /** Published and heard by the service that owns the cache. */
  readonly event: EventType<Desc>;
  readonly marksOf: (data: MessageShape<Desc>) => readonly string[];
  /** Appends the event to the service's outbox. */
  readonly append: (marks: readonly string[]) => Promise<void>;
}

/**
 * Invalidations through the event log, where nothing is needed but PostgreSQL. The service returns `subscription` with its
 * others. A node hears its own messages too; that costs it what it read in between, and nothing else.
 */
export function createEventLogBus<Desc extends DescMessage>(
  options: EventLogBusOptions<Desc>,
): { readonly bus: InvalidationBus; readonly subscription: BroadcastSubscription } {
  const hearers = new Set<{ onMarks(marks: readonly string[]): void; onGap(): void }>();
  return {
    bus: {
      publish: options.append,
      subscribe(onMarks, onGap) {
        const hearer = { onMarks, onGap };
        hearers.add(hearer);
        return () => hearers.delete(hearer);
      },
    },
    subscription: onBroadcast(
      options.name,
      options.event,
      ({ data }) => {
        const marks = options.marksOf(data);
        for (const { onMarks } of hearers) onMarks(marks);
      },
      () => {
        for (const { onGap } of hearers) onGap();
      },
    ),
  };
}
