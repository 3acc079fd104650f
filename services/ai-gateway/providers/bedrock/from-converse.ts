import { fieldOf } from "../../dialects/openai/usage.ts";
import { toCachedUsage } from "../cached-usage.ts";
import { countOf, textOf } from "../read-answer.ts";
import type { WireFacts } from "../wire.ts";

/** Why an answer ended, in chat's words (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html). */
const finishReasons: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  guardrail_intervened: "content_filter",
  content_filtered: "content_filter",
};

export function toFinishReason(reason: unknown): string | null {
  return typeof reason === "string" ? (finishReasons[reason] ?? "stop") : null;
}

/** An answer of Converse as a chat completion; undefined for what is none. */
export function toChatCompletion(json: unknown, facts: WireFacts): object | undefined {
  const content = fieldOf(fieldOf(fieldOf(json, "output"), "message"), "content");
  if (!Array.isArray(content)) return undefined;
  const said = { text: "", reasoning: "", details: [] as object[], calls: [] as object[] };
  for (const block of content) {
    said.text += textOf(block, "text");
    const thought = fieldOf(block, "reasoningContent");
    said.reasoning += textOf(fieldOf(thought, "reasoningText"), "text");
    if (thought !== undefined) said.details.push(...toDetails(thought));
    const call = fieldOf(block, "toolUse");
    if (call !== undefined) said.calls.push(toToolCall(call));
  }
  const { text, reasoning, details, calls } = said;
  return {
    id: facts.callId,
    object: "chat.completion",
    created: Math.floor(facts.startedAtMs / 1_000),
    model: facts.upstreamModel,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: text === "" && calls.length > 0 ? null : text,
          refusal: null,
          ...(reasoning !== "" && { reasoning_content: reasoning }),
          ...(details.length > 0 && { reasoning_details: details }),
          ...(calls.length > 0 && { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: toFinishReason(fieldOf(json, "stopReason")),
      },
    ],
    ...toServiceTier(json),
    usage: toChatUsage(fieldOf(json, "usage")),
  };
}

function toToolCall(call: unknown): object {
  return {
    id: textOf(call, "toolUseId"),
    type: "function",
    function: { name: textOf(call, "name"), arguments: JSON.stringify(fieldOf(call, "input") ?? {}) },
  };
}

/** What of a thought has to come back as it is. */
function toDetails(thought: unknown): object[] {
  const sealed = fieldOf(thought, "redactedContent");
  if (typeof sealed === "string") return [{ type: "reasoning.encrypted", data: sealed }];
  const { text, signature } = { text: "", signature: undefined, ...Object(fieldOf(thought, "reasoningText")) };
  return typeof signature === "string" ? [{ type: "reasoning.text", text, signature }] : [];
}

/** How urgently it was served, where that has another price. */
export function toServiceTier(json: unknown): { readonly service_tier?: string } {
  const tier = textOf(fieldOf(json, "serviceTier"), "type");
  return tier === "priority" || tier === "flex" ? { service_tier: tier } : {};
}

/**
 * Usage in chat's form, where the prompt includes what was read from a cache or written to one, which `inputTokens` leaves out.
 * Undefined where nothing is reported.
 */
export function toChatUsage(usage: unknown): object | undefined {
  const input = countOf(usage, "inputTokens");
  const output = countOf(usage, "outputTokens");
  if (input === undefined || output === undefined) return undefined;
  const cached = countOf(usage, "cacheReadInputTokens") ?? 0;
  const written = countOf(usage, "cacheWriteInputTokens") ?? 0;
  const details = fieldOf(usage, "cacheDetails");
  const hour = Array.isArray(details) ? details.find((detail) => fieldOf(detail, "ttl") === "1h") : undefined;
  const forAnHour = countOf(hour, "inputTokens") ?? 0;
  return toCachedUsage({ input, output, cached, written, forAnHour });
}
