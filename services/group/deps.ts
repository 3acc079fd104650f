import type { Database } from "@lyss/kit/db/database.ts";
import type { Projection } from "@lyss/kit/event-sourcing/projection.ts";
import type { Repository } from "@lyss/kit/event-sourcing/repository.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { GroupState } from "./model.ts";
import type { GroupStore } from "./store.ts";

/** What the operations on groups are given. */
export interface GroupDeps {
  readonly db: Database;
  readonly store: GroupStore;
  readonly groups: Repository<GroupState>;
  readonly membership: Projection;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly searchTimeoutMs: number;
}
