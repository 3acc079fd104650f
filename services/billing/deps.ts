import type { Database } from "@lyss/kit/db/database.ts";
import type { Projection } from "@lyss/kit/event-sourcing/projection.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Ledger } from "./ledger.ts";
import type { BillingStore } from "./store.ts";
import type { UsageHourStore } from "./usage-hour-store.ts";

/** What billing's operations are given. */
export interface BillingDeps {
  readonly db: Database;
  readonly store: BillingStore;
  readonly idempotency: Idempotency;
  readonly ledger: Ledger;
  readonly usageHours: UsageHourStore;
  readonly usageProjection: Projection;
  readonly clock: Clock;
  readonly random: Random;
  readonly currency: string;
  readonly holdTtlMs: number;
}
