import { Counter, Histogram, type Registry } from "prom-client";
import type { FailureKind } from "../errors/failure.ts";

/** Notes the end of one call: `ok` or the kind of its failure, and how long it took. */
export type ObserveCall = (code: FailureKind | "ok", durationMs: number) => void;

/** Counts and times of calls that this process has served. */
export interface RpcMetrics {
  /** Finds the series of a method once, so that each call costs only its increments. */
  forMethod(service: string, method: string): ObserveCall;
}

/**
 * Registers `rpc_server_requests_total{service,method,code}` and `rpc_server_duration_seconds{service,method}`.
 * Once per registry; prom-client throws on the second time.
 */
export function createRpcMetrics(registry: Registry): RpcMetrics {
  const requests = new Counter({
    name: "rpc_server_requests_total",
    help: "Calls served, by how they ended: ok or a gRPC status.",
    labelNames: ["service", "method", "code"],
    registers: [registry],
  });
  const durations = new Histogram({
    name: "rpc_server_duration_seconds",
    help: "Time from the call's arrival to its answer, or to the end of its stream.",
    labelNames: ["service", "method"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return {
    forMethod(service, method) {
      const duration = durations.labels(service, method);
      const counters = new Map<string, Counter.Internal>();
      return (code, durationMs) => {
        const counter = counters.get(code) ?? requests.labels(service, method, code);
        counters.set(code, counter);
        counter.inc();
        duration.observe(durationMs / 1000);
      };
    },
  };
}
