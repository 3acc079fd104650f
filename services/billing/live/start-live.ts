import type { Database } from "@lyss/kit/db/database.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import type { BillingStore } from "../store.ts";
import { createLiveFeed } from "./live-feed.ts";
import { createLiveStore } from "./live-store.ts";
import type { LiveDeps } from "./send-live.ts";

/** What tells people what happens. Its subscription has to be heard, and its feed closed when calls are drained. */
export function startLive(given: {
  readonly db: Database;
  readonly store: Pick<BillingStore, "findWallet">;
  readonly currency: string;
  readonly clock: Clock;
  readonly log: Logger;
}): LiveDeps {
  const { db, store, currency, clock, log } = given;
  const findWallet = (tenantId: string) => store.findWallet(tenantId, currency);
  return { feed: createLiveFeed({ liveStore: createLiveStore(db.sql), findWallet, clock, log }), clock, findWallet };
}
