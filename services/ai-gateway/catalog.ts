import { isModelAllowed, type Provider, type Target } from "./model.ts";

/** What this node knows of providers, so that choosing one needs no database. */
export interface Catalog {
  /** The target of a model name for a tenant: the tenant's own providers first, then the shared ones, in their order. */
  findTarget(tenantId: string, model: string): Target | undefined;
  /** Each model a tenant may name once, with the provider that would serve it. */
  listTargets(tenantId: string, allowedModels: readonly string[]): readonly Target[];
  listProviders(tenantId: string): readonly Provider[];
  findProvider(tenantId: string, name: string): Provider | undefined;
  /** Replaces the shared providers. */
  setShared(providers: readonly Provider[]): void;
  /** Replaces every tenant's own providers. */
  setTenants(providers: readonly Provider[]): void;
}

/** An empty catalog. */
export function createCatalog(): Catalog {
  let shared: readonly Provider[] = [];
  let sharedTargets: ReadonlyMap<string, Target> = new Map();
  let byTenant: ReadonlyMap<string, readonly Provider[]> = new Map();
  let targetsByTenant: ReadonlyMap<string, ReadonlyMap<string, Target>> = new Map();

  const listProviders = (tenantId: string) => [...(byTenant.get(tenantId) ?? []), ...shared];
  const findTarget = (tenantId: string, model: string) =>
    targetsByTenant.get(tenantId)?.get(model) ?? sharedTargets.get(model);

  return {
    findTarget,
    listTargets(tenantId, allowedModels) {
      const all = new Map([...sharedTargets, ...(targetsByTenant.get(tenantId) ?? [])]);
      return [...all.values()].filter((target) => isModelAllowed(allowedModels, target.model.name));
    },
    listProviders,
    findProvider: (tenantId, name) => listProviders(tenantId).find((provider) => provider.name === name),
    setShared(providers) {
      shared = providers;
      sharedTargets = toTargets(providers);
    },
    setTenants(providers) {
      byTenant = Map.groupBy(providers, (provider) => provider.tenantId);
      targetsByTenant = new Map([...byTenant].map(([tenantId, own]) => [tenantId, toTargets(own)]));
    },
  };
}

/** The first provider that offers a model serves it. */
function toTargets(providers: readonly Provider[]): ReadonlyMap<string, Target> {
  const targets = new Map<string, Target>();
  for (const provider of providers) {
    for (const model of provider.models) {
      if (!targets.has(model.name)) targets.set(model.name, { provider, model });
    }
  }
  return targets;
}
