import { isModelAllowed, type Provider, type Target } from "./model.ts";
import type { RoutedTarget } from "./routing/order-targets.ts";
import type { Route } from "./routing/route.ts";

/** What a name that callers write into `model` stands for. */
export interface Offer {
  readonly name: string;
  /** Where its calls can go; of a route, all of them, in the order in which they are written. At least one. */
  readonly targets: readonly Target[];
  /** Undefined for a model that nobody has made a route of: then `targets` are tried in their order. */
  readonly routed: { readonly route: Route; readonly targets: readonly RoutedTarget[] } | undefined;
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
  /** The targets of a route that are there, as a tenant would have them. */
  resolve(tenantId: string, route: Pick<Route, "targets">): readonly RoutedTarget[];
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

  function rebuildShared(): void {
    sharedOffers = toOffers(shared, sharedRoutes, shared);
  }

  function rebuildTenants(): void {
    const tenantIds = new Set([...byTenant.keys(), ...routesByTenant.keys()]);
    offersByTenant = new Map(
      [...tenantIds].map((tenantId) => [
        tenantId,
        toOffers(ownProviders(tenantId), ownRoutes(tenantId), listProviders(tenantId)),
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
    listRoutes: (tenantId) => [...ownRoutes(tenantId), ...sharedRoutes],
    resolve: (tenantId, route) => resolveTargets(route, listProviders(tenantId)),
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
    },
    setTenantRoutes(routes) {
      routesByTenant = Map.groupBy(routes, (route) => route.tenantId);
      rebuildTenants();
    },
  };
}

/** A route stands before models of its name; one of which no target is there does not. */
function toOffers(providers: readonly Provider[], routes: readonly Route[], reachable: readonly Provider[]): Offers {
  const offers = new Map<string, Offer>();
  for (const [name, targets] of toTargets(providers)) offers.set(name, { name, targets, routed: undefined });
  for (const route of routes) {
    const targets = resolveTargets(route, reachable);
    if (targets.length === 0) continue;
    const { name } = route;
    offers.set(name, { name, targets: targets.map(({ target }) => target), routed: { route, targets } });
  }
  return offers;
}

function resolveTargets({ targets }: Pick<Route, "targets">, providers: readonly Provider[]): readonly RoutedTarget[] {
  return targets.flatMap((rule) => {
    const provider = providers.find(({ name }) => name === rule.provider);
    const model = provider?.models.find(({ name }) => name === rule.model);
    return provider && model ? [{ target: { provider, model }, rule }] : [];
  });
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
