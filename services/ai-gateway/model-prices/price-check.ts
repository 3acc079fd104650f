import type { Degraded, HealthCheckOptions } from "@lyss/kit/health/health-check.ts";
import type { AiGatewayDeps } from "../deps.ts";

const maxNamed = 5;

/** Degraded while a model that every tenant may name has no price: its calls are refused, everything else is served. */
export function priceCheck({ catalog, funding, clock }: Pick<AiGatewayDeps, "catalog" | "funding" | "clock">) {
  return {
    isCritical: false,
    async probe(): Promise<Degraded | undefined> {
      const targets = catalog.listOffers("", []).flatMap(({ targets: [first] }) => first ?? []);
      const named = targets.map(({ provider, model }) => ({
        tenantId: "",
        provider: provider.name,
        model: model.name,
      }));
      const prices = await Promise.all(named.map((name) => funding.priceOf(name, clock.nowMs())));
      const unpriced = named.filter((_name, i) => prices[i] === undefined);
      if (unpriced.length === 0) return undefined;
      const names = unpriced.slice(0, maxNamed).map(({ provider, model }) => `${provider}/${model}`);
      const rest = unpriced.length > maxNamed ? ` and ${unpriced.length - maxNamed} more` : "";
      return { degraded: `no price, so no calls: ${names.join(", ")}${rest}; see 'lyss prices set'` };
    },
  } satisfies HealthCheckOptions;
}
