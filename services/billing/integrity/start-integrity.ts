import type { HealthCheckOptions } from "@lyss/kit/health/health-check.ts";
import type { Registry } from "prom-client";
import { type IntegrityDeps, probeIntegrity } from "./integrity.ts";
import { watchIntegrity } from "./integrity-metrics.ts";
import { createIntegrityOps, type IntegrityOps } from "./integrity-ops.ts";
import { createIntegrityStore } from "./integrity-store.ts";
import { createIntegrityRunStore } from "./run-store.ts";

/** Wires the checking of the journal: its operations, its metrics, and the health check that tells what it found. */
export function startIntegrity(given: Omit<IntegrityDeps, "integrity" | "runs"> & { readonly metrics: Registry }): {
  readonly ops: IntegrityOps;
  readonly check: HealthCheckOptions;
} {
  const runs = createIntegrityRunStore(given.db.sql);
  const deps: IntegrityDeps = { ...given, runs, integrity: createIntegrityStore() };
  watchIntegrity(given.metrics, runs.findLastEnded);
  return { ops: createIntegrityOps(deps), check: { probe: () => probeIntegrity(deps), isCritical: false } };
}
