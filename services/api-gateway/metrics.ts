import type { Lane } from "@lyss/kit/http/lane/lane.ts";
import { type LoadShedder, priorities } from "@lyss/kit/resilience/load-shed.ts";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Concurrency } from "./concurrency.ts";
import { limitSubjects, type RateLimits } from "./rate-limits.ts";

/** Registers `edge_lane_requests_total` and `edge_lane_handed_over_total{reason}` of a listener that has a lane. */
export function registerLaneMetrics(registry: Registry, lane: Pick<Lane, "stats">): void {
  const registers = [registry];
  new Counter({
    name: "edge_lane_requests_total",
    help: "Requests that the lane has read.",
    registers,
    collect() {
      this.reset();
      this.inc(lane.stats().requests);
    },
  });
  new Counter({
    name: "edge_lane_handed_over_total",
    help: "Connections that went on to the ordinary server, by why the lane gave them up.",
    labelNames: ["reason"],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(lane.stats().handedOver)) this.inc({ reason }, count);
    },
  });
}

/**
 * Registers `edge_rate_limited_total{subject}`, `edge_too_many_at_once_total`, `edge_shed_total{priority}`, `edge_in_flight{priority}` and
 * `edge_limits_alone`. Read when somebody asks; a request pays nothing.
 */
export function registerEdgeMetrics(
  registry: Registry,
  { limits, shedder, concurrency }: { limits: RateLimits; shedder: LoadShedder; concurrency: Concurrency },
): void {
  const registers = [registry];
  new Counter({
    name: "edge_rate_limited_total",
    help: "Requests refused by a rate limit.",
    labelNames: ["subject"],
    registers,
    collect() {
      this.reset();
      for (const subject of limitSubjects) this.inc({ subject }, limits.countRefused(subject));
    },
  });
  new Counter({
    name: "edge_too_many_at_once_total",
    help: "Requests refused because their key, person or group had as many under way as it may.",
    registers,
    collect() {
      this.reset();
      this.inc(concurrency.countRefused());
    },
  });
  new Counter({
    name: "edge_shed_total",
    help: "Requests turned away because there were too many.",
    labelNames: ["priority"],
    registers,
    collect() {
      this.reset();
      const { byPriority } = shedder.stats();
      for (const priority of priorities) this.inc({ priority }, byPriority[priority].shed);
    },
  });
  new Gauge({
    name: "edge_in_flight",
    help: "Requests under way.",
    labelNames: ["priority"],
    registers,
    collect() {
      const { byPriority } = shedder.stats();
      for (const priority of priorities) this.set({ priority }, byPriority[priority].inFlight);
    },
  });
  new Gauge({
    name: "edge_limits_alone",
    help: "1 while Redis is away and rate limits are counted in this process alone.",
    registers,
    collect() {
      this.set(Number(limits.isAlone()));
    },
  });
}
