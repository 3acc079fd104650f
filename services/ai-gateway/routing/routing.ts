import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { GatewaySettings } from "../config.ts";
import type { Funding } from "../funds/funding.ts";
import { createExampleStore } from "../meaning/example-store.ts";
import { createExampleVectors } from "../meaning/example-vectors.ts";
import { createAccountChanges } from "./account-changes.ts";
import { createAccountStore } from "./account-store.ts";
import { createAffinity } from "./affinity.ts";
import { createFailOver } from "./fail-over.ts";
import { createHedging } from "./hedging.ts";
import { createRolloutMeter } from "./rollout-counts.ts";
import { createRolloutStore } from "./rollout-store.ts";
import { createRouteStore } from "./route-store.ts";
import { createStandings } from "./standing.ts";
import { createTargetHealth } from "./target-health.ts";
import { createTargetOrder } from "./target-order.ts";

export interface RoutingDeps {
  readonly priceOf: Funding["priceOf"];
  readonly clock: Clock;
  readonly random: Random;
  readonly db: Database;
  readonly outbox: Outbox;
  readonly node: string;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** What decides where calls go, and goes on. */
export function createRouting(
  { failOver, scoring, affinity, hedging }: Pick<GatewaySettings, "failOver" | "scoring" | "affinity" | "hedging">,
  { db, outbox, node, log, metrics, priceOf, clock, random }: RoutingDeps,
) {
  const standings = createStandings();
  const accountStore = createAccountStore(db.sql);
  const accounts = createAccountChanges({ db, outbox, node, store: accountStore });
  const health = createTargetHealth(clock, (provider, state, status) => {
    log.warn({ provider: provider.name, state, ...(status > 0 && { status }) }, "a provider's account has changed");
    accounts.note(provider, state, status);
  });
  return {
    ...{ standings, health, accounts, accountStore },
    failOver: createFailOver(failOver, { clock, health, standings }),
    routeStore: createRouteStore(db.sql),
    rolloutStore: createRolloutStore(db.sql),
    rolloutMeter: createRolloutMeter(),
    exampleVectors: createExampleVectors({ store: createExampleStore(db), clock, log }),
    affinity: createAffinity(affinity, clock),
    hedging: createHedging(hedging, clock, metrics),
    order: createTargetOrder({ weights: scoring, standings, priceOf, clock, random }),
  };
}
