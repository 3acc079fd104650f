import type { Guard } from "@lyss/kit/http/gate.ts";
import type { SystemRoutes } from "@lyss/kit/http/http-handler.ts";
import { startTestServer, testGuard } from "@lyss/kit/http/http-test-server.ts";
import type { Route } from "@lyss/kit/http/route.ts";
import { createDegradation } from "@lyss/kit/resilience/degradation.ts";
import { createLoadShedder, type Pressure } from "@lyss/kit/resilience/load-shed.ts";
import type { ScriptRunner } from "@lyss/kit/resilience/redis-limiter-connection.ts";
import { type SharedCounts, unsharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { silentLog, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { createConcurrency } from "./concurrency.ts";
import { apiGatewayConfig } from "./config.ts";
import { createEdgeIntake } from "./edge-intake.ts";
import type { RulesOf } from "./key-rules.ts";
import { createRateLimits } from "./rate-limits.ts";
import type { OnReached } from "./reached-limits.ts";

export interface EdgeOptions {
  readonly rateLimits?: object;
  readonly maxInFlight?: number;
  readonly redis?: ScriptRunner;
  readonly guard?: Guard;
  readonly rulesOf?: RulesOf;
  readonly sharedCounts?: SharedCounts;
  readonly onReached?: OnReached;
}

/** What the routes of an edge under test are given: an answer that waits until it is released. */
export interface HoldOps {
  hold(): Promise<void>;
}

/** A server with the edge's intake before these routes; limits go by a clock that stands still until it is moved. */
export async function startEdge(
  t: TestScope,
  routes: readonly Route<never>[],
  options: EdgeOptions = {},
  systemRoutes: SystemRoutes = {},
) {
  const { rateLimits = {}, maxInFlight = 100, redis, guard = testGuard, rulesOf = () => undefined } = options;
  const { sharedCounts = unsharedCounts, onReached = () => undefined } = options;
  const clock = createFakeClock();
  const settings = apiGatewayConfig.rateLimits.parse(rateLimits);
  const limits = createRateLimits(settings, { clock, log: silentLog, redis, sharedCounts, rulesOf, onReached });
  const concurrency = createConcurrency(settings, { sharedCounts, onReached });
  const load: { pressure: Pressure } = { pressure: "none" };
  const shedder = createLoadShedder({ limit: () => maxInFlight, pressure: () => load.pressure });
  const degradation = createDegradation({ clock });
  t.after(async () => degradation.stop());
  const released = Promise.withResolvers<void>();
  let held = 0;
  const ops: HoldOps = {
    hold() {
      held++;
      return released.promise;
    },
  };
  const server = await startTestServer({
    mounted: [{ name: "things", routes, ops, peerUrl: undefined }],
    ...{ guard, systemRoutes, hotHeaders: ["authorization", "x-api-key", "x-lyss-priority", "origin"] },
    intake: createEdgeIntake({ rulesOf, concurrency, limits, shedder, degradation, clock: systemClock }),
  });
  t.after(() => server.close());
  return {
    ...{ clock, limits, concurrency, shedder, degradation, load, server },
    ...{ release: released.resolve, countHeld: () => held },
  };
}
