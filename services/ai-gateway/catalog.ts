import { isModelAllowed, type Provider, type Target } from "./model.ts";

/** What this node knows of providers, so that choosing one needs no database. */
export interface Catalog {
  /**
   * Where a call of this model can go, in the order in which it is tried: the tenant's own providers that offer the name, or
   * else the shared ones that do, in their order. Empty when nobody does. The same object until providers change.
   */
  findTargets(tenantId: string, model: string): readonly Target[];
  /** Each model a tenant may name once, with the provider that would serve it. */
  listTargets(tenantId: string, allowedModels: readonly string[]): readonly Target[];
  listProviders(tenantId: string): readonly Provider[];
  findProvider(tenantId: string, name: string): Provider | undefined;
  /** Replaces the shared providers. */
  setShared(providers: readonly Provider[]): void;
  /** Replaces every tenant's own providers. */
  setTenants(providers: readonly Provider[]): void;
}

type TargetsByName = ReadonlyMap<string, readonly Target[]>;

const noTargets: readonly Target[] = [];

/** An empty catalog. */
export function createCatalog(): Catalog {
  let shared: readonly Provider[] = [];
  let sharedTargets: TargetsByName = new Map();
  let byTenant: ReadonlyMap<string, readonly Provider[]> = new Map();
  let targetsByTenant: ReadonlyMap<string, TargetsByName> = new Map();

  const listProviders = (tenantId: string) => [...(byTenant.get(tenantId) ?? []), ...shared];

  return {
    findTargets: (tenantId, model) =>
      targetsByTenant.get(tenantId)?.get(model) ?? sharedTargets.get(model) ?? noTargets,
    listTargets(tenantId, allowedModels) {
      const all = new Map([...sharedTargets, ...(targetsByTenant.get(tenantId) ?? [])]);
      const firsts = [...all.values()].flatMap(([first]) => first ?? []);
      return firsts.filter((target) => isModelAllowed(allowedModels, target.model.name));
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

/** In the providers' order; of a name that one provider has twice, the first. */
function toTargets(providers: readonly Provider[]): TargetsByName {
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
