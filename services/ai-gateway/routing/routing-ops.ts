import type { AiGatewayDeps } from "../deps.ts";
import { dryRunRoute } from "./dry-run-route.ts";
import { reportRoute } from "./report-models.ts";
import { getRollout, promoteRollout, type RolloutInput, startRollout, stopRollout } from "./rollout-ops.ts";
import type { Route, RouteSpec } from "./route.ts";
import {
  type AskedVersions,
  getRoute,
  listRoutes,
  listRouteVersions,
  loadTenantRoutes,
  putRoute,
  type RouteName,
  removeRoute,
} from "./route-ops.ts";

/** Binds the operations on routes to what they need. */
export function createRoutingOps(deps: AiGatewayDeps) {
  return {
    listRoutes: (input: Parameters<typeof listRoutes>[1]) => listRoutes(deps, input),
    getRoute: (input: RouteName) => getRoute(deps, input),
    listRouteVersions: (input: AskedVersions) => listRouteVersions(deps, input),
    putRoute: (input: Parameters<typeof putRoute>[1]) => putRoute(deps, input),
    removeRoute: (input: Parameters<typeof removeRoute>[1]) => removeRoute(deps, input),
    dryRunRoute: (input: RouteSpec & { tenantId: string; calls: number }) => dryRunRoute(deps, input),
    reportRoute: (input: { tenantId: string; route: Route }) => reportRoute(deps, input),
    getRollout: (input: RouteName) => getRollout(deps, input),
    startRollout: (input: RolloutInput) => startRollout(deps, input),
    promoteRollout: (input: RouteName & { percent: number | undefined }) => promoteRollout(deps, input),
    stopRollout: (input: RouteName) => stopRollout(deps, input),
    loadTenantRoutes: () => loadTenantRoutes(deps),
  };
}
