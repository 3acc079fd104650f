import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import { createPlainCounter } from "@lyss/kit/observability/plain-counter.ts";
import { createPlainHistogram } from "@lyss/kit/observability/plain-histogram.ts";
import type { Registry } from "prom-client";
import type { EndedAs } from "./call/call.ts";

// Names and attributes from OpenTelemetry's conventions for generative AI (semantic-conventions-genai, Development), for the calls of this client.

/** How a call to a model ended, or what goes on without its caller: a batch, a video. */
export interface EndedOperation {
  readonly outcome: EndedAs | "expired";
  readonly tokens: TokenCounts;
  /** Milliseconds from its arrival; undefined for what has no time of its own, as the requests of a batch. */
  readonly durationMs: number | undefined;
  /** Likewise, where its answer was streamed and had begun. */
  readonly firstTokenMs: number | undefined;
}

/** Notes the end of a call, or of something longer, of one operation to one model. */
export type OperationMeter = (ended: EndedOperation) => void;

interface Named {
  readonly operation: string;
  readonly provider: string;
  readonly model: string;
}

const labels = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"] as const;
const attributes = {
  gen_ai_operation_name: "gen_ai.operation.name",
  gen_ai_provider_name: "gen_ai.provider.name",
  gen_ai_request_model: "gen_ai.request.model",
} as const;
/** Of calls, as the conventions advise. */
export const secondsBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/** What goes on without its caller takes minutes or hours. */
const longSeconds = [600, 3_600, 21_600, 86_400];

/** The GenAI metrics on `registry`, as plain numbers while serving. Gives the way to a meter, to be kept by whoever ends calls often. */
export function createGenAiMetrics(registry: Registry): (named: Named) => OperationMeter {
  const labelNames = [...labels, "error_type"] as const;
  const otelOf = (name: string) => ({
    ...{ name: `gen_ai.client.operation.${name}`, unit: "s" },
    attributes: { ...attributes, error_type: "error.type" },
  });
  const durations = createPlainHistogram(registry, {
    ...{ name: "gen_ai_client_operation_duration_seconds", labelNames, buckets: [...secondsBuckets, ...longSeconds] },
    otel: otelOf("duration"),
    help: "From the arrival of a call, a batch or a video to its end.",
  });
  const firstChunks = createPlainHistogram(registry, {
    ...{ name: "gen_ai_client_operation_time_to_first_chunk_seconds", labelNames, buckets: secondsBuckets },
    otel: otelOf("time_to_first_chunk"),
    help: "From the arrival of a streamed call to its first token.",
  });
  const usages = createUsageCounters(registry);

  return ({ operation, provider, model }) => {
    const series = { gen_ai_operation_name: operation, gen_ai_provider_name: provider, gen_ai_request_model: model };
    const countUsage = usages(series);
    const byOutcome = new Map<EndedOperation["outcome"], ReturnType<typeof durations>>();
    const observeFirst = firstChunks({ ...series, error_type: "" });
    const observeCompleted = durations({ ...series, error_type: "" });
    byOutcome.set("completed", observeCompleted);
    return ({ outcome, tokens, durationMs, firstTokenMs }) => {
      let observe = byOutcome.get(outcome);
      if (!observe) {
        observe = durations({ ...series, error_type: outcome });
        byOutcome.set(outcome, observe);
      }
      if (durationMs !== undefined) observe(durationMs / 1_000);
      if (firstTokenMs !== undefined) observeFirst(firstTokenMs / 1_000);
      countUsage(tokens);
    };
  };
}

type Series = Readonly<Record<(typeof labels)[number], string>>;

const usageNames = ["input", "output", "cache_read.input", "cache_write.input", "reasoning.output"] as const;
type UsageName = (typeof usageNames)[number];

/** Tokens that are charged, of calls that end here. As the conventions ask, input includes what came from caches, output what was reasoned. */
function createUsageCounters(registry: Registry): (series: Series) => (tokens: TokenCounts) => void {
  const labelNames = [...labels, "gen_ai_token_modality"] as const;
  const named = usageNames.map((name) => {
    const counter = createPlainCounter(registry, {
      name: `gen_ai_client_inference_usage_${name.replace(".", "_")}_tokens_total`,
      help: `Tokens charged: ${name.replace(/[._]/g, " ")}.`,
      labelNames,
      otel: {
        ...{ name: `gen_ai.client.inference.usage.${name}_tokens`, unit: "{token}" },
        attributes: { ...attributes, gen_ai_token_modality: "gen_ai.token.modality" },
      },
    });
    return [name, counter] as const;
  });
  const counters = Object.fromEntries(named) as Record<UsageName, (typeof named)[number][1]>;

  return (series) => {
    const open = (name: UsageName, modality: string) => counters[name]({ ...series, gen_ai_token_modality: modality });
    const [input, output] = [open("input", "text"), open("output", "text")];
    return ({ inputTokens, cachedInputTokens, outputTokens, otherBuckets }) => {
      input.value += Number(inputTokens + cachedInputTokens);
      output.value += Number(outputTokens);
      if (cachedInputTokens > 0n) open("cache_read.input", "text").value += Number(cachedInputTokens);
      if (!otherBuckets) return;
      const { cacheWrite5m = 0n, cacheWrite1h = 0n, reasoning = 0n } = otherBuckets;
      const written = Number(cacheWrite5m + cacheWrite1h);
      if (written > 0) {
        input.value += written;
        open("cache_write.input", "text").value += written;
      }
      if (reasoning > 0n) {
        output.value += Number(reasoning);
        open("reasoning.output", "text").value += Number(reasoning);
      }
      for (const modality of ["audio", "image"] as const) {
        const { [`${modality}Input` as const]: heard = 0n, [`${modality}Output` as const]: said = 0n } = otherBuckets;
        if (heard > 0n) open("input", modality).value += Number(heard);
        if (said > 0n) open("output", modality).value += Number(said);
      }
    };
  };
}
