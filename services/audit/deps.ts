import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { Sealer } from "./seal.ts";
import type { AuditStore } from "./store.ts";

/** What the operations on audit logs are given. */
export interface AuditDeps {
  readonly db: Database;
  readonly store: AuditStore;
  readonly sealer: Sealer;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly retentionMs: number;
  readonly searchTimeoutMs: number;
}
