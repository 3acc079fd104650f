import { isModelAllowed, type Provider, type Target } from "./model.ts";
import type { RoutedRoute, RoutedTarget } from "./routing/order-targets.ts";
import { type RouteLookup, resolveRoute, type UnresolvedRoute } from "./routing/resolve-route.ts";
import type { Route } from "./routing/route.ts";

/** What a name that callers write into `model` stands for. */
export interface Offer {
  readonly name: string;
  /** Where its calls can go; of a route, all of them, in the order in which they are written. At least one. */
  readonly targets: readonly Target[];
  /** Undefined for a model that nobody has made a route of: then `targets` are tried in their order. */
  readonly routed: Routed | undefined;
  /** Of a route of which another version is tried, and of that version. */
  readonly rollout?: OfferRollout;
}

/** Which callers go by another version of a route, or that it is the other one. */
export interface OfferRollout {
  readonly rolloutId: string;
  readonly percent: number;
  readonly isNew: boolean;
  /** What the callers have who are among the first; undefined where this is it. */
  readonly candidate: Offer | undefined;
}

export interface Routed {
  readonly route: Route;
  /** What it orders, with the routes that it names. */
  readonly tree: RoutedRoute;
  /** Every target within. */
  readonly targets: readonly RoutedTarget[];
  /** True where the order depends on prices. */
  readonly isPriced: boolean;
  /** True where a call is compared with examples before it is in order. */
  readonly comparesMeaning: boolean;
}

/** What this node knows of providers and routes, so that choosing one needs no database. */
export interface Catalog {
  /**
   * What a name stands for: a route of the tenant's own, or else the tenant's own providers that offer it, or else a route of the
   * operator's, or else the shared providers that do. The same object until something changes.
   */
  findOffer(tenantId: string, name: string): Offer | undefined;
  /** Each name that a tenant may call once, where its calls would go first. */
  listOffers(tenantId: string, allowedModels: readonly string[]): readonly Offer[];
  listProviders(tenantId: string): readonly Provider[];
  /** The shared ones and every tenant's own. */
  listAllProviders(): readonly Provider[];
  findProvider(tenantId: string, name: string): Provider | undefined;
  /** The tenant's own routes, and the operator's. */
  listRoutes(tenantId: string): readonly Route[];
  /** A route as a tenant would have it, as far as its targets are there. */
  resolve(tenantId: string, route: UnresolvedRoute): Omit<Routed, "route">;
  /** Replaces the shared providers. */
  setShared(providers: readonly Provider[]): void;
  /** Replaces every tenant's own providers. */
  setTenants(providers: readonly Provider[]): void;
  /** Replaces the operator's routes. */
  setSharedRoutes(routes: readonly Route[]): void;
  /** Replaces every tenant's own routes. */
  setTenantRoutes(routes: readonly Route[]): void;
}

type Offers = ReadonlyMap<string, Offer>;

/** An empty catalog. */
export function createCatalog(): Catalog {
  let shared: readonly Provider[] = [];
  let byTenant: ReadonlyMap<string, readonly Provider[]> = new Map();
  let sharedRoutes: readonly Route[] = [];
  let routesByTenant: ReadonlyMap<string, readonly Route[]> = new Map();
  let sharedOffers: Offers = new Map();
  let offersByTenant: ReadonlyMap<string, Offers> = new Map();

  const ownProviders = (tenantId: string) => byTenant.get(tenantId) ?? [];
  const ownRoutes = (tenantId: string) => routesByTenant.get(tenantId) ?? [];
  const listProviders = (tenantId: string) => [...ownProviders(tenantId), ...shared];

  const listRoutes = (tenantId: string) => [...ownRoutes(tenantId), ...sharedRoutes];
  const lookupFor = (tenantId: string): RouteLookup => ({
    providers: listProviders(tenantId),
    routes: listRoutes(tenantId),
  });

  function rebuildShared(): void {
    sharedOffers = toOffers(shared, sharedRoutes, lookupFor(""));
  }

  function rebuildTenants(): void {
    const tenantIds = new Set([...byTenant.keys(), ...routesByTenant.keys()]);
    offersByTenant = new Map(
      [...tenantIds].map((tenantId) => [
        tenantId,
        toOffers(ownProviders(tenantId), ownRoutes(tenantId), lookupFor(tenantId)),
      ]),
    );
  }

  return {
    findOffer: (tenantId, name) => offersByTenant.get(tenantId)?.get(name) ?? sharedOffers.get(name),
    listOffers(tenantId, allowedModels) {
      const all = new Map([...sharedOffers, ...(offersByTenant.get(tenantId) ?? [])]);
      return [...all.values()].filter(({ name }) => isModelAllowed(allowedModels, name));
    },
    listProviders,
    listAllProviders: () => [...shared, ...[...byTenant.values()].flat()],
    findProvider: (tenantId, name) => listProviders(tenantId).find((provider) => provider.name === name),
    listRoutes,
    resolve: (tenantId, route) => resolveRoute(route, lookupFor(tenantId)),
    setShared(providers) {
      shared = providers;
      rebuildShared();
      // Their routes may go to these.
      rebuildTenants();
    },
    setTenants(providers) {
      byTenant = Map.groupBy(providers, (provider) => provider.tenantId);
      rebuildTenants();
    },
    setSharedRoutes(routes) {
      sharedRoutes = routes;
      rebuildShared();
      // Theirs may name these.
      rebuildTenants();
    },
    setTenantRoutes(routes) {
      routesByTenant = Map.groupBy(routes, (route) => route.tenantId);
      rebuildTenants();
    },
  };
}

/** A route stands before models of its name; one of which no target is there does not. */
function toOffers(providers: readonly Provider[], routes: readonly Route[], reachable: RouteLookup): Offers {
  const offers = new Map<string, Offer>();
  for (const [name, targets] of toTargets(providers)) offers.set(name, { name, targets, routed: undefined });
  for (const route of routes) {
    const offer = toOffer(route, reachable);
    if (offer) offers.set(route.name, withCandidate(offer, route, reachable));
  }
  return offers;
}

/** Undefined where none of its targets is there. */
function toOffer(route: Route, reachable: RouteLookup): Offer | undefined {
  const routed = resolveRoute(route, reachable);
  if (routed.targets.length === 0) return undefined;
  return { name: route.name, targets: routed.targets.map(({ target }) => target), routed: { route, ...routed } };
}

/** A version whose targets are gone is tried by nobody. */
function withCandidate(offer: Offer, { rollout, ...route }: Route, reachable: RouteLookup): Offer {
  const next = rollout && toOffer({ ...route, ...rollout.spec, version: route.version + 1 }, reachable);
  if (!rollout || !next) return offer;
  const { rolloutId, percent } = rollout;
  const candidate: Offer = { ...next, rollout: { rolloutId, percent, isNew: true, candidate: undefined } };
  return { ...offer, rollout: { rolloutId, percent, isNew: false, candidate } };
}

/** In the providers' order; of a name that one provider has twice, the first. */
function toTargets(providers: readonly Provider[]): ReadonlyMap<string, readonly Target[]> {
  const byName = new Map<string, Target[]>();
  for (const provider of providers) {
    for (const model of provider.models) {
      const targets = byName.get(model.name) ?? [];
      if (targets.at(-1)?.provider !== provider) targets.push({ provider, model });
      byName.set(model.name, targets);
    }
  }
  return byName;
}
