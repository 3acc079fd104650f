import type { Sql } from "@lyss/kit/db/database.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { GatewaySettings } from "../config.ts";
import type { Funding } from "../funds/funding.ts";
import { createFailOver } from "./fail-over.ts";
import { createRouteStore } from "./route-store.ts";
import { createStandings } from "./standing.ts";
import { createTargetHealth } from "./target-health.ts";
import { createTargetOrder } from "./target-order.ts";

export interface RoutingDeps {
  readonly sql: Sql;
  readonly priceOf: Funding["priceOf"];
  readonly clock: Clock;
  readonly random: Random;
}

/** What decides where calls go, and goes on. */
export function createRouting(
  { failOver, scoring }: Pick<GatewaySettings, "failOver" | "scoring">,
  { sql, priceOf, clock, random }: RoutingDeps,
) {
  const standings = createStandings();
  const health = createTargetHealth(clock);
  return {
    standings,
    health,
    failOver: createFailOver(failOver, { clock, health, standings }),
    routeStore: createRouteStore(sql),
    order: createTargetOrder({ weights: scoring, standings, priceOf, clock, random }),
  };
}
