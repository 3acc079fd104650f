import { routeChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { cacheFailures } from "@lyss/contracts/failures/ai-gateway-cache.ts";
import { mirrorFailures } from "@lyss/contracts/failures/ai-gateway-mirrors.ts";
import { rolloutFailures } from "@lyss/contracts/failures/ai-gateway-rollouts.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Catalog } from "../catalog.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { findMirror } from "../mirroring/find-mirror.ts";
import { checkEmbeddingModel } from "../vectors/check-embedding-model.ts";
import { canNest } from "./resolve-route.ts";
import type { Route, RouteSpec, RouteVersion } from "./route.ts";

/** What the operations on routes need. */
export type RouteDeps = Pick<
  AiGatewayDeps,
  "db" | "outbox" | "clock" | "catalog" | "newest" | "routeStore" | "rolloutStore"
>;

export interface RouteName {
  readonly tenantId: string;
  readonly name: string;
}

interface ChangedRoute extends RouteSpec {
  readonly tenantId: string;
  /** Undefined for any. */
  readonly expectedVersion: number | undefined;
}

const maxRoutesPerTenant = 500;
/** Of each route, for putting one back. */
const keptVersions = 100;

/**
 * The routes that a tenant may call by name: its own, then the operator's; one of its own may stand before one of these. Throws
 * `kit.invalid_request` for a cursor that is none.
 */
export function listRoutes(
  { catalog }: Pick<RouteDeps, "catalog">,
  { tenantId, limit, cursor }: PageRequest & { readonly tenantId: string },
): Page<Route> {
  const keysOf = ({ source, name }: Route) => [source === "tenant" ? "0" : "1", name] as const;
  const [after = "", afterName = ""] = decodeCursor(cursor, 2) ?? [];
  const isLater = (route: Route) => {
    const [rank, name] = keysOf(route);
    return rank > after || (rank === after && name > afterName);
  };
  const isBefore = (a: Route, b: Route) => (a.name < b.name ? -1 : 1);
  const rows = catalog.listRoutes(tenantId).filter(isLater);
  const sorted = Object.values(Object.groupBy(rows, (route) => keysOf(route)[0])).flatMap((some = []) =>
    some.toSorted(isBefore),
  );
  return toPage(sorted, limit, keysOf);
}

/** The route that calls of this name take. Throws `route_not_found`. */
export function getRoute({ catalog }: Pick<RouteDeps, "catalog">, { tenantId, name }: RouteName): Route {
  const route = catalog.listRoutes(tenantId).find((it) => it.name === name);
  if (!route) throw new Failure(aiGatewayFailures.route_not_found, { name });
  return route;
}

/**
 * Makes a route of the tenant's own, or puts this in its place: from then on calls of its name take it, on every node within
 * two seconds. A repeat makes another version of the same. Throws `route_target_unknown`, `route_not_nestable`,
 * `route_mirror_unknown`, `route_embedding_missing`, `embedding_model_unknown`, `route_version_mismatch`, `too_many_routes`, and
 * `rollout_running` while another version is tried, unless `within` ends that.
 */
export async function putRoute(
  deps: RouteDeps,
  given: ChangedRoute,
  within?: (tx: Tx) => Promise<unknown>,
): Promise<Route> {
  const { db, outbox, clock, catalog, routeStore, rolloutStore } = deps;
  const { tenantId, expectedVersion, ...spec } = given;
  const { name } = spec;
  checkSpec(catalog, tenantId, spec);
  const route = await db.transaction(async (tx) => {
    const routes = await routeStore.lockRoutes(tx, tenantId);
    await within?.(tx);
    if (await rolloutStore.isRunning(tx, tenantId, name)) throw new Failure(rolloutFailures.rollout_running, { name });
    const current = routes.find((it) => it.name === name)?.version ?? 0;
    checkVersion(current, expectedVersion);
    if (current === 0 && routes.length >= maxRoutesPerTenant) {
      throw new Failure(aiGatewayFailures.too_many_routes, { limit: maxRoutesPerTenant });
    }
    const updatedAt = new Date(clock.nowMs());
    const changed: Route = { ...spec, tenantId, source: "tenant", version: current + 1, updatedAt };
    await routeStore.putRoute(tx, changed);
    await routeStore.putVersion(tx, changed, keptVersions);
    await outbox.append(tx, routeChanged, { tenantId, name, actorId: currentActorId() });
    return changed;
  });
  await loadTenantRoutes(deps);
  return route;
}

export interface AskedVersions extends RouteName, PageRequest {
  readonly before?: number | undefined;
}

const newest = 2_147_483_647;

/**
 * What a tenant's own route was, the newest first: its last 100 versions. One of the operator's has none but what its file says. Throws
 * `route_not_found`, and `kit.invalid_request` for a cursor that is none.
 */
export async function listRouteVersions(
  deps: Pick<RouteDeps, "catalog" | "routeStore">,
  { tenantId, name, limit, cursor, before: asked = newest }: AskedVersions,
): Promise<Page<RouteVersion>> {
  const route = getRoute(deps, { tenantId, name });
  if (route.source === "config") {
    const { name: _name, tenantId: _tenantId, source: _source, version, updatedAt, ...spec } = route;
    return { rows: [{ version, spec, updatedAt }], nextCursor: undefined };
  }
  const [before = ""] = decodeCursor(cursor, 1) ?? [];
  const from = /^\d{1,9}$/.test(before) ? Math.min(asked, Number(before)) : asked;
  const rows = await deps.routeStore.listVersions({ tenantId, name }, { before: from, limit: limit + 1 });
  return toPage(rows, limit, ({ version }) => [String(version)]);
}

/** Removes a tenant's own route. Throws `route_not_found` and `route_configured`. */
export async function removeRoute(deps: RouteDeps, { tenantId, name }: RouteName): Promise<void> {
  const { db, outbox, routeStore } = deps;
  if (getRoute(deps, { tenantId, name }).source === "config") {
    throw new Failure(aiGatewayFailures.route_configured, { name });
  }
  await db.transaction(async (tx) => {
    const routes = await routeStore.lockRoutes(tx, tenantId);
    if (!routes.some((it) => it.name === name)) throw new Failure(aiGatewayFailures.route_not_found, { name });
    await routeStore.deleteRoute(tx, tenantId, name);
    await outbox.append(tx, routeChanged, { tenantId, name, actorId: currentActorId() });
  });
  await loadTenantRoutes(deps);
}

/** Reads every tenant's own routes into the catalog. */
export async function loadTenantRoutes({
  routeStore,
  rolloutStore,
  catalog,
  newest,
}: Pick<RouteDeps, "routeStore" | "rolloutStore" | "catalog" | "newest">): Promise<void> {
  const read = async () => {
    const [routes, running] = await Promise.all([routeStore.listRoutes(), rolloutStore.listRunning()]);
    const rollouts = new Map(running.map((it) => [JSON.stringify([it.tenantId, it.name]), it]));
    return routes.map((route): Route => {
      const { rolloutId, spec, percent } = rollouts.get(JSON.stringify([route.tenantId, route.name])) ?? {};
      if (rolloutId === undefined || !spec || percent === undefined) return route;
      return { ...route, rollout: { rolloutId, spec, percent } };
    });
  };
  await newest.routes(read, catalog.setTenantRoutes);
}

/** Fills the catalog at the start, after the providers. Throws `route_target_unknown` for a route of the operator's. */
export async function loadRoutes(deps: RouteDeps, specs: readonly RouteSpec[]): Promise<void> {
  loadSharedRoutes(deps, specs);
  await loadTenantRoutes(deps);
}

/** Takes over what the operator's file says now. If it names what is not there, the routes stay as they were, and the log says so. */
export function changeSharedRoutes(deps: RouteDeps & Pick<AiGatewayDeps, "log">, specs: readonly RouteSpec[]): void {
  try {
    loadSharedRoutes(deps, specs);
  } catch (err) {
    deps.log.error({ err }, "the routes of the configuration are not taken over");
  }
}

/** Puts the operator's routes into the catalog. Throws what `putRoute` does of what they say. */
function loadSharedRoutes(
  { catalog, clock }: { readonly catalog: Catalog; readonly clock: Clock },
  specs: readonly RouteSpec[],
): void {
  const updatedAt = new Date(clock.nowMs());
  const routes = specs.map((spec) => ({ ...spec, tenantId: "", source: "config" as const, version: 1, updatedAt }));
  for (const spec of specs) {
    checkTargets(catalog, "", spec, routes);
    checkMirror(catalog, "", spec.mirror);
    checkMeanings(catalog, "", spec);
  }
  catalog.setSharedRoutes(routes);
}

/** Throws what `putRoute` does of what a route says. */
export function checkSpec(catalog: Catalog, tenantId: string, spec: RouteSpec): void {
  const { name, strategy, targets } = spec;
  checkMirror(catalog, tenantId, spec.mirror);
  checkMeanings(catalog, tenantId, spec);
  checkTargets(catalog, tenantId, { name, strategy, targets });
}

/** Throws `route_mirror_unknown`. */
function checkMirror(catalog: Catalog, tenantId: string, mirror: RouteSpec["mirror"]): void {
  if (!mirror || findMirror(catalog, tenantId, mirror)) return;
  const { provider, model } = mirror;
  throw new Failure(mirrorFailures.route_mirror_unknown, { provider, model });
}

/** Throws `route_embedding_missing`, and `embedding_model_unknown` for one that makes no vectors. */
export function checkMeanings(
  catalog: Pick<Catalog, "findOffer">,
  tenantId: string,
  { embedding, targets }: Pick<RouteSpec, "embedding" | "targets">,
): void {
  if (embedding !== null) checkEmbeddingModel(catalog, tenantId, embedding);
  else if (targets.some(({ when }) => when?.meaning)) throw new Failure(cacheFailures.route_embedding_missing);
}

/** Throws `route_target_unknown` or `route_not_nestable` for the first target that is not there. */
export function checkTargets(
  catalog: Pick<Catalog, "resolve" | "listRoutes">,
  tenantId: string,
  { name, strategy, targets }: Pick<RouteSpec, "name" | "strategy" | "targets">,
  routes = catalog.listRoutes(tenantId),
): void {
  for (const rule of targets) {
    const { provider = "", model = "", route } = rule;
    if (route !== undefined) {
      if (!canNest(name, route, { routes })) throw new Failure(aiGatewayFailures.route_not_nestable, { route });
    } else if (catalog.resolve(tenantId, { name, strategy, targets: [rule] }).targets.length === 0) {
      throw new Failure(aiGatewayFailures.route_target_unknown, { provider, model });
    }
  }
}

function checkVersion(current: number, expected: number | undefined): void {
  if (expected === undefined || expected === current) return;
  throw new Failure(aiGatewayFailures.route_version_mismatch, { current, expected });
}
