import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { createPlainHistogram } from "@lyss/kit/observability/plain-histogram.ts";
import { Counter, Gauge, type Registry } from "prom-client";
import type { EndedAs } from "./call/call.ts";
import { createGenAiMetrics, type EndedOperation, type OperationMeter, secondsBuckets } from "./gen-ai-metrics.ts";
import type { Target } from "./model.ts";
import { noteAnswered, noteBegin, noteEnd, noteFirstByte, type Standings } from "./routing/standing.ts";

/** The end of an attempt that was begun. */
export interface EndedCall extends EndedOperation {
  readonly outcome: EndedAs;
  readonly durationMs: number;
}

/** What is counted of calls to one target. */
export interface TargetMeter {
  /** An attempt begins that `end` will end. Monotonic milliseconds. */
  begin(nowMs: number): void;
  /** Milliseconds. */
  observeFirstByte(ms: number): void;
  /** `operation` is OpenTelemetry's name for what was asked. */
  end(operation: string, ended: EndedCall): void;
  /** What no caller has waited for has ended: it is no call of the target, and says nothing of how it does. */
  endLater(operation: string, ended: EndedOperation): void;
}

/** What the gateway counts. Model names come from the catalog, so the number of series is bounded. */
export interface GatewayMetrics {
  of(target: Target): TargetMeter;
}

interface Counts {
  readonly labels: { readonly provider: string; readonly model: string };
  readonly calls: Map<string, number>;
  inputTokens: number;
  outputTokens: number;
}

/** Plain numbers while serving; labels are put together only when somebody reads them. */
export function createGatewayMetrics(
  registry: Registry,
  watch: { openCalls: () => number; unsettled: () => number; standings: Standings },
): GatewayMetrics {
  const registers = [registry];
  const labelNames = ["provider", "model"];
  /** By names, for the same target may come again as another object. */
  const counts = new Map<string, Counts>();
  const meters = new WeakMap<Target, TargetMeter>();
  new Counter({
    name: "llm_requests_total",
    help: "Model calls by how they ended.",
    labelNames: [...labelNames, "outcome"],
    registers,
    collect() {
      this.reset();
      for (const { labels, calls } of counts.values()) {
        for (const [outcome, count] of calls) this.inc({ ...labels, outcome }, count);
      }
    },
  });
  new Counter({
    name: "llm_tokens_total",
    help: "Tokens charged, by direction.",
    labelNames: [...labelNames, "direction"],
    registers,
    collect() {
      this.reset();
      for (const { labels, inputTokens, outputTokens } of counts.values()) {
        this.inc({ ...labels, direction: "input" }, inputTokens);
        this.inc({ ...labels, direction: "output" }, outputTokens);
      }
    },
  });
  const times = { labelNames: ["provider"] as const, buckets: secondsBuckets };
  const firstByte = createPlainHistogram(registry, {
    ...times,
    name: "llm_time_to_first_byte_seconds",
    help: "From sending a call upstream to the head of its answer.",
  });
  const duration = createPlainHistogram(registry, {
    ...times,
    name: "llm_request_duration_seconds",
    help: "From the arrival of a call to its settlement.",
  });
  const genAi = createGenAiMetrics(registry);
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

  function countsOf(provider: string, model: string): Counts {
    const name = JSON.stringify([provider, model]);
    let found = counts.get(name);
    if (!found) {
      found = { labels: { provider, model }, calls: new Map(), inputTokens: 0, outputTokens: 0 };
      counts.set(name, found);
    }
    return found;
  }

  function createMeter(target: Target): TargetMeter {
    const provider = target.provider.name;
    const count = countsOf(provider, target.model.name);
    const standing = watch.standings.of(target);
    const [observeFirst, observeWhole] = [firstByte({ provider }), duration({ provider })];
    const byOperation = new Map<string, OperationMeter>();
    const meterOf = (operation: string) => {
      const found = byOperation.get(operation) ?? genAi({ operation, provider, model: target.model.name });
      byOperation.set(operation, found);
      return found;
    };
    return {
      begin: (nowMs) => noteBegin(standing, nowMs),
      observeFirstByte(ms) {
        observeFirst(ms / 1_000);
        noteFirstByte(standing, ms);
      },
      end(operation, ended) {
        const { outcome, tokens, durationMs } = ended;
        const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(tokens);
        meterOf(operation)(ended);
        count.calls.set(outcome, (count.calls.get(outcome) ?? 0) + 1);
        count.inputTokens += Number(inputTokens + cachedInputTokens);
        count.outputTokens += Number(outputTokens);
        observeWhole(durationMs / 1_000);
        noteEnd(standing);
        if (outcome === "completed") noteAnswered(standing, Number(outputTokens), durationMs);
      },
      endLater: (operation, ended) => meterOf(operation)(ended),
    };
  }

  return {
    of(target) {
      let meter = meters.get(target);
      if (!meter) {
        meter = createMeter(target);
        meters.set(target, meter);
      }
      return meter;
    },
  };
}
