import type { IncomingMessage, ServerResponse } from "node:http";
import { Counter, collectDefaultMetrics, Registry } from "prom-client";
import { createPlainHistogram } from "./plain-histogram.ts";

/** A registry with the process's own metrics: CPU, memory, event-loop delay, garbage collection, open handles. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Metrics in a text format: a registry, or those of several processes. */
export type MetricsText = Pick<Registry, "contentType" | "metrics">;

/** Answers with the metrics as a text. Unguarded: mount it where only the operator can reach it. */
export function createMetricsHandler(source: MetricsText): (req: IncomingMessage, res: ServerResponse) => void {
  return (_req, res) => {
    source.metrics().then(
      (text) => {
        res.writeHead(200, { "content-type": source.contentType, "cache-control": "no-store" });
        res.end(text);
      },
      () => res.writeHead(500).end(),
    );
  };
}

/** Notes the end of one request of a route. */
export type RouteMeter = (status: number, durationMs: number) => void;

/** Counts and times of HTTP requests. */
export interface HttpMetrics {
  /** The meter of one route. `handler` is the route's path template, never a path that a client sent. */
  forRoute(method: string, handler: string): RouteMeter;
}

const createdFor = new WeakMap<Registry, HttpMetrics>();

/**
 * `http_requests_total{method,handler,code}` and `http_request_duration_seconds{method,handler}` on `registry`; the same
 * ones on a second call. Series exist per route and status, so their number is bounded by the code.
 */
export function createHttpMetrics(registry: Registry): HttpMetrics {
  const existing = createdFor.get(registry);
  if (existing) return existing;
  const meters: { method: string; handler: string; countByStatus: Map<number, number> }[] = [];
  // Plain numbers while serving; labels are put together only when somebody reads them.
  new Counter({
    name: "http_requests_total",
    help: "Requests answered, by route template and status; 499 when the client left before the answer.",
    labelNames: ["method", "handler", "code"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { method, handler, countByStatus } of meters) {
        for (const [code, count] of countByStatus) this.inc({ method, handler, code: String(code) }, count);
      }
    },
  });
  const durations = createPlainHistogram(registry, {
    name: "http_request_duration_seconds",
    help: "Time from the request's head to the end of its answer, or of its stream.",
    labelNames: ["method", "handler"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  });
  const metrics: HttpMetrics = {
    forRoute(method, handler) {
      const countByStatus = new Map<number, number>();
      meters.push({ method, handler, countByStatus });
      const observe = durations({ method, handler });
      return (status, durationMs) => {
        countByStatus.set(status, (countByStatus.get(status) ?? 0) + 1);
        observe(durationMs / 1000);
      };
    },
  };
  createdFor.set(registry, metrics);
  return metrics;
}
