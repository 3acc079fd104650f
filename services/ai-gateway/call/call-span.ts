import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { SpanAttributes, SpanOptions } from "@lyss/kit/observability/span.ts";
import { surfaces } from "../surfaces/surface.ts";
import type { Call, Ending } from "./call.ts";

// Names from OpenTelemetry's conventions for generative AI (semantic-conventions-genai, Development); ours begin with lyss.
// Prompts and answers are never among them.

/** The span of a call to a provider: name and what is known before it is sent. */
export function describeCall({
  callId,
  tenantId,
  request,
  target,
}: Pick<Call, "callId" | "tenantId" | "target"> & {
  readonly request: Pick<Call["request"], "surface" | "model">;
}): SpanOptions & { readonly name: string } {
  const { operation } = surfaces[request.surface];
  return {
    name: `${operation} ${request.model}`,
    kind: "client",
    attributes: {
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": target.provider.name,
      "gen_ai.request.model": request.model,
      "gen_ai.response.model": target.model.upstreamName,
      "lyss.call_id": callId,
      "lyss.tenant_id": tenantId,
    },
  };
}

/** What is known when the provider begins to answer: by what id it knows the request. */
export function describeAnswered(upstreamRequestId: string | undefined): SpanAttributes {
  return upstreamRequestId === undefined ? {} : { "lyss.upstream_request_id": upstreamRequestId };
}

/** What is known of a call when it has ended. The cost is absent while billing has not confirmed it. */
export function describeEnding(
  { outcome, tokens, isEstimated }: Ending,
  costNanos: bigint | undefined,
): SpanAttributes {
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(tokens);
  return {
    // As the conventions ask, input includes what was read from the provider's cache.
    "gen_ai.usage.input_tokens": Number(inputTokens + cachedInputTokens),
    "gen_ai.usage.cache_read.input_tokens": Number(cachedInputTokens),
    "gen_ai.usage.output_tokens": Number(outputTokens),
    "lyss.outcome": outcome,
    "lyss.is_estimated": isEstimated,
    ...(costNanos !== undefined && { "lyss.cost_nanos": Number(costNanos) }),
  };
}
