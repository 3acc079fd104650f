import { Counter, Gauge, type Registry } from "prom-client";
import type { Degradation } from "./degradation.ts";
import { degradationLevels } from "./degradation-level.ts";

/**
 * Registers `resilience_degradation_level{feature}` (0 normal to 3 static; an empty feature is the whole),
 * `resilience_degradation_changes_total{feature}` and `resilience_degradation_fallbacks_total{feature}`. Once per registry.
 */
export function registerDegradationMetrics(registry: Registry, degradation: Degradation): void {
  const all = () => {
    const { level, changes, features } = degradation.stats();
    return [{ feature: "", level, changes, fallbacks: 0 }, ...features];
  };
  const labelNames = ["feature"] as const;
  new Gauge({
    name: "resilience_degradation_level",
    help: "0 normal, 1 reduced, 2 essential, 3 static; without a feature: of the whole.",
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { feature, level } of all()) this.set({ feature }, degradationLevels.indexOf(level));
    },
  });
  const count = (name: string, help: string, read: (unit: ReturnType<typeof all>[number]) => number) =>
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const unit of all()) this.inc({ feature: unit.feature }, read(unit));
      },
    });
  count("resilience_degradation_changes_total", "Changes of level.", ({ changes }) => changes);
  count("resilience_degradation_fallbacks_total", "Calls answered by a fallback.", ({ fallbacks }) => fallbacks);
}
