import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { DomainStore } from "./domain-store.ts";
import type { TenantStore } from "./store.ts";
import type { ReadTxtRecords } from "./txt-records.ts";

/** What the operations on tenants are given. */
export interface TenantDeps {
  readonly db: Database;
  readonly auth: Client<typeof AuthService>;
  readonly store: TenantStore;
  readonly domains: DomainStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly readTxtRecords: ReadTxtRecords;
  readonly searchTimeoutMs: number;
}
