import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Registry } from "prom-client";
import { createLimitBook } from "./limit-book.ts";
import { createModelLimitStore } from "./model-limit-store.ts";
import { createModelLimits } from "./model-limits.ts";
import { createReachedLimits } from "./reached-limits.ts";

export interface LimitingDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly metrics: Registry;
  readonly sharedCounts: SharedCounts;
}

/** What counts attempts at models and accounts, and who says how many there may be. */
export function createLimiting({ db, outbox, clock, metrics, sharedCounts }: LimitingDeps) {
  const store = createModelLimitStore(db.sql);
  const reachedLimits = createReachedLimits({ db, outbox, clock, store });
  const modelLimits = createModelLimits({ clock, metrics, sharedCounts, onReached: reachedLimits.note });
  return { modelLimits, reachedLimits, limitBook: createLimitBook({ db, outbox, clock, store, limits: modelLimits }) };
}
