import { routeChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { rolloutFailures } from "@lyss/contracts/failures/ai-gateway-rollouts.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { findBreach, type Gates, noCounts, type Rollout } from "./rollout.ts";
import type { RouteSpec } from "./route.ts";
import { checkSpec, getRoute, loadTenantRoutes, putRoute, type RouteDeps, type RouteName } from "./route-ops.ts";

type RolloutDeps = RouteDeps & Pick<AiGatewayDeps, "random" | "rolloutMeter" | "log">;

export interface RolloutInput extends RouteSpec {
  readonly tenantId: string;
  readonly percent: number;
  readonly gates: Gates;
}

/** The last one of a route, whether it runs or has ended. Throws `rollout_not_found`. */
export async function getRollout(
  deps: Pick<RolloutDeps, "rolloutStore">,
  { tenantId, name }: RouteName,
): Promise<Rollout> {
  const found = await deps.rolloutStore.find(tenantId, name);
  if (!found) throw new Failure(rolloutFailures.rollout_not_found, { name });
  return found;
}

/**
 * Has a share of the callers of a tenant's own route go by another version of it, on every node within two seconds. Throws `route_not_found`,
 * `route_configured`, `rollout_running`, and what `putRoute` does of what the version says.
 */
export async function startRollout(deps: RolloutDeps, input: RolloutInput): Promise<Rollout> {
  const { tenantId, percent, gates, name, ...spec } = input;
  if (getRoute(deps, { tenantId, name }).source === "config") {
    throw new Failure(aiGatewayFailures.route_configured, { name });
  }
  checkSpec(deps.catalog, tenantId, { name, ...spec });
  const startedAt = new Date(deps.clock.nowMs());
  const rollout: Rollout = {
    ...{ tenantId, name, rolloutId: deps.random.id("rol"), spec, percent, gates, state: "running", reason: "" },
    ...{ counts: noCounts, startedAt, stagedAt: startedAt, endedAt: null },
  };
  await change(deps, { tenantId, name }, async (tx) => {
    const routes = await deps.routeStore.lockRoutes(tx, tenantId);
    if (!routes.some((it) => it.name === name)) throw new Failure(aiGatewayFailures.route_not_found, { name });
    if (await deps.rolloutStore.isRunning(tx, tenantId, name))
      throw new Failure(rolloutFailures.rollout_running, { name });
    await deps.rolloutStore.put(tx, rollout);
  });
  return rollout;
}

/**
 * Gives the new version to a larger share, which is judged anew; without one it becomes the route. Throws `rollout_not_found`, `rollout_ended`, and
 * what `putRoute` does.
 */
export async function promoteRollout(
  deps: RolloutDeps,
  { tenantId, name, percent }: RouteName & { readonly percent: number | undefined },
): Promise<Rollout> {
  const { rolloutId, spec } = await requireRunning(deps, { tenantId, name });
  const now = new Date(deps.clock.nowMs());
  if (percent === undefined) {
    const within = (tx: Tx) => deps.rolloutStore.end(tx, rolloutId, "promoted", "", now);
    await putRoute(deps, { tenantId, name, ...spec, expectedVersion: undefined }, within);
  } else {
    await change(deps, { tenantId, name }, (tx) => deps.rolloutStore.stage(tx, rolloutId, percent, noCounts, now));
  }
  return getRollout(deps, { tenantId, name });
}

/** Gives every caller the old version again. Throws `rollout_not_found` and `rollout_ended`. */
export async function stopRollout(deps: RolloutDeps, { tenantId, name }: RouteName): Promise<Rollout> {
  const { rolloutId } = await requireRunning(deps, { tenantId, name });
  await end(deps, { tenantId, name, rolloutId }, "stopped", "");
  return getRollout(deps, { tenantId, name });
}

/** Adds what this node has counted to what others have, and takes back a version that does not pass its gates. */
export async function watchRollouts(deps: RolloutDeps): Promise<void> {
  for (const [of, seen] of deps.rolloutMeter.take()) {
    const rollout = await deps.rolloutStore.add(of, seen);
    const breach = rollout && findBreach(rollout.counts, rollout.gates);
    if (!rollout || breach === undefined) continue;
    if (!(await end(deps, rollout, "rolled_back", breach))) continue;
    const { tenantId, name, percent } = rollout;
    deps.log.error({ tenant_id: tenantId, route: name, percent, breach }, "a new version of a route is taken back");
  }
}

async function requireRunning(deps: RolloutDeps, named: RouteName): Promise<Rollout> {
  const rollout = await getRollout(deps, named);
  if (rollout.state === "running") return rollout;
  throw new Failure(rolloutFailures.rollout_ended, { name: named.name, state: rollout.state });
}

function end(
  deps: RolloutDeps,
  { tenantId, name, rolloutId }: Pick<Rollout, "tenantId" | "name" | "rolloutId">,
  state: Rollout["state"],
  reason: string,
): Promise<boolean> {
  const now = new Date(deps.clock.nowMs());
  return change(deps, { tenantId, name }, (tx) => deps.rolloutStore.end(tx, rolloutId, state, reason, now));
}

/** Every node reads its routes anew, this one before it goes on. */
async function change<Found>(
  deps: RolloutDeps,
  { tenantId, name }: RouteName,
  work: (tx: Tx) => Promise<Found>,
): Promise<Found> {
  const found = await deps.db.transaction(async (tx) => {
    const done = await work(tx);
    await deps.outbox.append(tx, routeChanged, { tenantId, name, actorId: currentActorId() });
    return done;
  });
  await loadTenantRoutes(deps);
  return found;
}
