import { statfs } from "node:fs/promises";
import type { LoopMonitor } from "../resilience/load-shed-loop-monitor.ts";
import { HealthCheckResponse_ServingStatus as Status } from "../rpc/gen/grpc/health/v1/health_pb.js";
import { type HealthCheckOptions, Unhealthy } from "./health-check.ts";

/** What every checker takes besides what it looks at. */
export type CheckerOptions = Omit<HealthCheckOptions, "probe">;

const pingTimeoutMs = 2_000;
const gibibyte = 2 ** 30;

/** A round trip to the database; degraded when it takes longer than half a second. */
export function databaseCheck(
  db: { ping(timeoutMs: number): Promise<void> },
  options: CheckerOptions = {},
): HealthCheckOptions {
  const timeoutMs = options.timeoutMs ?? pingTimeoutMs;
  return { latencyThresholdMs: 500, ...options, timeoutMs, probe: () => db.ping(timeoutMs) };
}

/** A PING to Redis; degraded when it takes longer than 100 ms. */
export function redisCheck(redis: { ping(): Promise<string> }, options: CheckerOptions = {}): HealthCheckOptions {
  return {
    latencyThresholdMs: 100,
    ...options,
    async probe() {
      if ((await redis.ping()) !== "PONG") throw new Unhealthy("does not answer PING with PONG");
    },
  };
}

/** A service's own address for health, or a client of `grpc.health.v1` and the service's name there. */
export type ServiceCheckTarget =
  | { readonly url: string }
  | {
      readonly rpc: {
        check(request: { service: string }, options: { signal: AbortSignal }): Promise<{ status: Status }>;
      };
      readonly service: string;
    };

/** Another service: any 2xx answer, or SERVING; degraded when that takes longer than `latencyThresholdMs`. */
export function serviceCheck({
  latencyThresholdMs = 1_000,
  isCritical,
  timeoutMs,
  ...target
}: ServiceCheckTarget & CheckerOptions): HealthCheckOptions {
  return {
    latencyThresholdMs,
    ...(isCritical !== undefined && { isCritical }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    async probe(signal) {
      if ("rpc" in target) {
        const { status } = await target.rpc.check({ service: target.service }, { signal });
        if (status !== Status.SERVING) throw new Unhealthy("says that it does not serve");
        return;
      }
      const answer = await fetch(target.url, { signal, redirect: "manual" });
      await answer.body?.cancel();
      if (!answer.ok) throw new Unhealthy(`answers ${answer.status}`);
    },
  };
}

/** Free space where a path lies: degraded under 1 GiB, unhealthy under 256 MiB, unless the options say otherwise. */
export function diskSpaceCheck({
  path,
  degradedFreeBytes = gibibyte,
  minFreeBytes = gibibyte / 4,
  ...options
}: CheckerOptions & {
  readonly path: string;
  readonly degradedFreeBytes?: number;
  readonly minFreeBytes?: number;
}): HealthCheckOptions {
  return {
    ...options,
    async probe() {
      const { bavail, bsize } = await statfs(path);
      const freeBytes = bavail * bsize;
      const reason = `${Math.floor(freeBytes / 2 ** 20)} MiB are free`;
      if (freeBytes < minFreeBytes) throw new Unhealthy(reason);
      return freeBytes < degradedFreeBytes ? { degraded: reason } : undefined;
    },
  };
}

/** How long this process's event loop stands still: degraded and unhealthy as its monitor says high and severe. */
export function eventLoopCheck(
  monitor: Pick<LoopMonitor, "pressure">,
  options: CheckerOptions = {},
): HealthCheckOptions {
  return {
    ...options,
    async probe() {
      const pressure = monitor.pressure();
      if (pressure === "severe") throw new Unhealthy("the event loop stands still for long");
      return pressure === "high" ? { degraded: "the event loop is late" } : undefined;
    },
  };
}
