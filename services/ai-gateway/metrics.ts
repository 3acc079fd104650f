import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What the gateway counts. Model names come from the catalog, so the number of series is bounded. */
export interface GatewayMetrics {
  countCall(labels: { provider: string; model: string; outcome: string }): void;
  countTokens(labels: { provider: string; model: string }, input: bigint, output: bigint): void;
  observeFirstByte(provider: string, ms: number): void;
  observeDuration(provider: string, ms: number): void;
}

const secondsBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

export function createGatewayMetrics(
  registry: Registry,
  watch: { openCalls: () => number; unsettled: () => number },
): GatewayMetrics {
  const registers = [registry];
  const labelNames = ["provider", "model"];
  const calls = new Counter({
    name: "llm_requests_total",
    help: "Model calls by how they ended.",
    labelNames: [...labelNames, "outcome"],
    registers,
  });
  const tokens = new Counter({
    name: "llm_tokens_total",
    help: "Tokens charged, by direction.",
    labelNames: [...labelNames, "direction"],
    registers,
  });
  const firstByte = new Histogram({
    name: "llm_time_to_first_byte_seconds",
    help: "From sending a call upstream to the head of its answer.",
    labelNames: ["provider"],
    buckets: secondsBuckets,
    registers,
  });
  const duration = new Histogram({
    name: "llm_request_duration_seconds",
    help: "From the arrival of a call to its settlement.",
    labelNames: ["provider"],
    buckets: secondsBuckets,
    registers,
  });
  new Gauge({
    name: "llm_requests_in_flight",
    help: "Calls that are open now.",
    registers,
    collect() {
      this.set(watch.openCalls());
    },
  });
  new Gauge({
    name: "llm_settlements_pending",
    help: "Ended calls whose charge billing has not confirmed yet.",
    registers,
    collect() {
      this.set(watch.unsettled());
    },
  });
  return {
    countCall: (labels) => calls.inc(labels),
    countTokens(labels, input, output) {
      tokens.inc({ ...labels, direction: "input" }, Number(input));
      tokens.inc({ ...labels, direction: "output" }, Number(output));
    },
    observeFirstByte: (provider, ms) => firstByte.observe({ provider }, ms / 1_000),
    observeDuration: (provider, ms) => duration.observe({ provider }, ms / 1_000),
  };
}
