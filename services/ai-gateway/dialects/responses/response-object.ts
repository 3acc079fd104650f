import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { ReportedUsage } from "../openai/usage.ts";
import type { ResponseRequest } from "./response-request.ts";

export type ResponseStatus = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

/** A response as the API shows it. */
export interface ResponseObject {
  readonly id: string;
  readonly object: "response";
  readonly created_at: number;
  readonly status: ResponseStatus;
  readonly store: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly output: readonly object[];
  readonly usage: object | null;
  readonly [echoed: string]: unknown;
}

/** The id of the response that a call gives. */
export function toResponseId(callId: string): string {
  return `resp_${suffixOf(callId)}`;
}

/** The call that gave a response. */
export function toCallId(responseId: string): string {
  return responseId.replace(/^resp_/, "call_");
}

/** What ids of a response's items have in common. */
export function suffixOf(callId: string): string {
  return callId.replace(/^call_/, "");
}

/** A response that has nothing in it yet, with what was asked for; what was left out shows its default. */
export function startResponse(
  { json, isBackground, isStored }: ResponseRequest,
  { callId, startedAtMs }: { readonly callId: string; readonly startedAtMs: number },
  status: "queued" | "in_progress",
): ResponseObject {
  const given = (name: string, otherwise: unknown = null) => json[name] ?? otherwise;
  const reasoning = (json["reasoning"] ?? {}) as object;
  return {
    id: toResponseId(callId),
    object: "response",
    created_at: Math.floor(startedAtMs / 1_000),
    status,
    background: isBackground,
    error: null,
    incomplete_details: null,
    instructions: given("instructions"),
    max_output_tokens: given("max_output_tokens"),
    max_tool_calls: given("max_tool_calls"),
    metadata: given("metadata", {}),
    model: json["model"],
    output: [],
    parallel_tool_calls: given("parallel_tool_calls", true),
    previous_response_id: given("previous_response_id"),
    prompt_cache_key: given("prompt_cache_key"),
    reasoning: { effort: null, summary: null, ...reasoning },
    safety_identifier: given("safety_identifier"),
    service_tier: given("service_tier", "default"),
    store: isStored,
    temperature: given("temperature", 1),
    text: { format: { type: "text" }, ...(given("text", {}) as object) },
    tool_choice: given("tool_choice", "auto"),
    tools: given("tools", []),
    top_logprobs: 0,
    top_p: given("top_p", 1),
    truncation: "disabled",
    usage: null,
    user: given("user"),
  };
}

/** Usage in this dialect: input includes what came from a cache, output includes thoughts. It is what is charged. */
export function toResponseUsage(tokens: ReportedUsage): object {
  const { cacheWrite5m = 0n, cacheWrite1h = 0n, reasoning = 0n } = tokens.otherBuckets ?? {};
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(tokens);
  const input = inputTokens + cachedInputTokens;
  return {
    input_tokens: Number(input),
    input_tokens_details: {
      cached_tokens: Number(cachedInputTokens),
      cache_write_tokens: Number(cacheWrite5m + cacheWrite1h),
    },
    output_tokens: Number(outputTokens),
    output_tokens_details: { reasoning_tokens: Number(reasoning) },
    total_tokens: Number(input + outputTokens),
  };
}
