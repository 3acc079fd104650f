import type { AiGatewayDeps } from "../deps.ts";
import type { Provider } from "../model.ts";
import type { RoutedTarget } from "./order-targets.ts";
import { plainRule, type Route } from "./route.ts";
import { type ReportDeps, reportTargets, type TargetReport } from "./target-report.ts";

type ModelDeps = ReportDeps & Pick<AiGatewayDeps, "catalog" | "order">;

/** How each model of each provider that a tenant may use does, by its name, beside the same name at the others. */
export async function reportModels(
  deps: ModelDeps,
  { tenantId }: { readonly tenantId: string },
): Promise<ReadonlyMap<Provider, ReadonlyMap<string, TargetReport>>> {
  const providers = deps.catalog.listProviders(tenantId);
  const reports = new Map(providers.map((provider) => [provider, new Map<string, TargetReport>()]));
  const targets = providers.flatMap((provider) =>
    provider.models.map((model): RoutedTarget => ({ target: { provider, model }, rule: plainRule })),
  );
  await deps.order.learnPrices(tenantId, targets);
  for (const [name, same] of Map.groupBy(targets, ({ target }) => target.model.name)) {
    for (const [at, report] of reportTargets(deps, tenantId, same).entries()) {
      const provider = same[at]?.target.provider;
      if (provider) reports.get(provider)?.set(name, report);
    }
  }
  return reports;
}

/** How each target of a route does; undefined for one that is not there. */
export async function reportRoute(
  deps: ModelDeps,
  { tenantId, route }: { readonly tenantId: string; readonly route: Route },
): Promise<readonly (TargetReport | undefined)[]> {
  const there = deps.catalog.resolve(route.source === "config" ? "" : tenantId, route).targets;
  await deps.order.learnPrices(tenantId, there);
  const reports = reportTargets(deps, tenantId, there);
  return route.targets.map(
    ({ provider, model }) =>
      reports[there.findIndex(({ target }) => target.provider.name === provider && target.model.name === model)],
  );
}
