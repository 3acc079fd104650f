import { Counter, Gauge, type Registry } from "prom-client";
import type { LiveConfig } from "./live-config.ts";

/**
 * Registers `config_version_info{version}` (always 1), `config_reloads_total{outcome}` (`applied`, `invalid`),
 * `config_invalid` (1 while what the file says cannot be used) and `config_keys_pending` (changed keys that wait for a
 * restart). Once per registry.
 */
export function registerConfigMetrics(registry: Registry, live: Pick<LiveConfig<object>, "stats">): void {
  const registers = [registry];
  new Gauge({
    name: "config_version_info",
    help: "The version of the configuration in force.",
    labelNames: ["version"],
    registers,
    collect() {
      this.reset();
      this.set({ version: live.stats().version }, 1);
    },
  });
  new Counter({
    name: "config_reloads_total",
    help: "Changes of the configuration that took effect, or could not be used.",
    labelNames: ["outcome"],
    registers,
    collect() {
      const { applied, invalid } = live.stats();
      this.reset();
      this.inc({ outcome: "applied" }, applied);
      this.inc({ outcome: "invalid" }, invalid);
    },
  });
  new Gauge({
    name: "config_invalid",
    help: "1 while the configuration that was read last cannot be used.",
    registers,
    collect() {
      this.set(Number(live.stats().isInvalid));
    },
  });
  new Gauge({
    name: "config_keys_pending",
    help: "Changed keys that take effect at the next start only.",
    registers,
    collect() {
      this.set(live.stats().pendingKeys.length);
    },
  });
}
