import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { DataKeys } from "./data-keys.ts";
import type { CredentialStore } from "./store.ts";

/** What the operations on credentials are given. */
export interface CredentialDeps {
  readonly db: Database;
  readonly store: CredentialStore;
  readonly dataKeys: DataKeys;
  /** Keyed, so that a fingerprint cannot be tried out against a list of secrets. */
  readonly fingerprintKey: Buffer;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}
