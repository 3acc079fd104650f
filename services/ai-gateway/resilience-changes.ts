import { breakerChanged, degradationChanged } from "@lyss/contracts/events/ai-gateway.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { BreakerChange } from "@lyss/kit/resilience/breaker.ts";
import type { DegradationChange } from "@lyss/kit/resilience/degradation.ts";

/** Changes of breakers and levels of this node, on their way into the log. */
export interface ResilienceChanges {
  noteBreaker(policy: string, change: BreakerChange): void;
  noteDegradation(change: DegradationChange): void;
  /** Publishes what was noted since the last time: one event for each breaker and feature, from its first state to its last. */
  publish(): Promise<void>;
}

export function createResilienceChanges({
  db,
  outbox,
  node,
}: {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly node: string;
}): ResilienceChanges {
  const breakers = new Map<string, BreakerChange>();
  const levels = new Map<string, DegradationChange>();

  return {
    noteBreaker: (policy, change) => merge(breakers, policy, change),
    noteDegradation: (change) => merge(levels, change.feature ?? "", change),
    async publish() {
      if (breakers.size + levels.size === 0) return;
      const saidBreakers = [...breakers];
      const saidLevels = [...levels];
      breakers.clear();
      levels.clear();
      try {
        await db.transaction(async (tx) => {
          for (const [policy, { from, to, isForced }] of saidBreakers) {
            await outbox.append(tx, breakerChanged, { node, policy, from, to, isForced });
          }
          for (const [feature, { from, to, reason }] of saidLevels) {
            await outbox.append(tx, degradationChanged, { node, feature, from, to, isManual: reason === "manual" });
          }
        });
      } catch (err) {
        restore(breakers, saidBreakers);
        restore(levels, saidLevels);
        throw err;
      }
    },
  };
}

/** Two changes in a row are one, from where the first began. */
function merge<Change extends { readonly from: string }>(
  pending: Map<string, Change>,
  key: string,
  change: Change,
): void {
  const earlier = pending.get(key);
  pending.set(key, earlier ? { ...change, from: earlier.from } : change);
}

/** Puts back what could not be said, before what has happened since. */
function restore<Change extends { readonly from: string }>(
  pending: Map<string, Change>,
  unsaid: readonly (readonly [string, Change])[],
): void {
  for (const [key, earlier] of unsaid) {
    const later = pending.get(key);
    pending.set(key, later ? { ...later, from: earlier.from } : earlier);
  }
}
