import { fieldOf } from "../../dialects/openai/usage.ts";
import { toCachedUsage } from "../cached-usage.ts";
import { countOf, textOf } from "../read-answer.ts";
import type { WireFacts } from "../wire.ts";

/** Why a message ended, in chat's words (docs.anthropic.com/en/api/handling-stop-reasons). */
const finishReasons: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
};

/** A message as a chat completion; undefined for what is none. */
export function toChatCompletion(json: unknown, { startedAtMs }: WireFacts): object | undefined {
  const content = fieldOf(json, "content");
  if (fieldOf(json, "type") !== "message" || !Array.isArray(content)) return undefined;
  const message = { role: "assistant", content: "", reasoning: "", calls: [] as object[] };
  for (const block of content) {
    const type = fieldOf(block, "type");
    if (type === "text") message.content += textOf(block, "text");
    if (type === "thinking") message.reasoning += textOf(block, "thinking");
    if (type === "tool_use") message.calls.push(toToolCall(block));
  }
  const { role, reasoning, calls } = message;
  return {
    id: textOf(json, "id"),
    object: "chat.completion",
    created: Math.floor(startedAtMs / 1_000),
    model: textOf(json, "model"),
    choices: [
      {
        index: 0,
        message: {
          role,
          content: message.content === "" && calls.length > 0 ? null : message.content,
          refusal: null,
          ...(reasoning !== "" && { reasoning_content: reasoning }),
          ...(calls.length > 0 && { tool_calls: calls }),
        },
        logprobs: null,
        ...toFinish(json),
      },
    ],
    ...toServiceTier(fieldOf(json, "usage")),
    usage: toChatUsage(fieldOf(json, "usage")),
  };
}

function toToolCall(block: unknown): object {
  const input = fieldOf(block, "input") ?? {};
  return {
    id: textOf(block, "id"),
    type: "function",
    function: { name: textOf(block, "name"), arguments: JSON.stringify(input) },
  };
}

/** `stop_reason` names the sequence that ended it, as vLLM does: chat itself has no word for it. */
export function toFinish(message: unknown): { readonly finish_reason: string | null; readonly stop_reason?: string } {
  const reason = fieldOf(message, "stop_reason");
  const sequence = fieldOf(message, "stop_sequence");
  return {
    finish_reason: typeof reason === "string" ? (finishReasons[reason] ?? "stop") : null,
    ...(typeof sequence === "string" && { stop_reason: sequence }),
  };
}

/**
 * Usage in chat's form, where the prompt includes what was read from a cache or written to one, which `input_tokens` leaves out.
 * Undefined where nothing is reported.
 */
export function toChatUsage(usage: unknown): object | undefined {
  const input = countOf(usage, "input_tokens");
  const output = countOf(usage, "output_tokens");
  if (input === undefined || output === undefined) return undefined;
  const cached = countOf(usage, "cache_read_input_tokens") ?? 0;
  const written = countOf(usage, "cache_creation_input_tokens") ?? 0;
  const forAnHour = countOf(fieldOf(usage, "cache_creation"), "ephemeral_1h_input_tokens") ?? 0;
  const thinking = countOf(fieldOf(usage, "output_tokens_details"), "thinking_tokens");
  const toolCalls = countOf(fieldOf(usage, "server_tool_use"), "web_search_requests") ?? 0;
  return {
    ...toCachedUsage({ input, output, cached, written, forAnHour }),
    ...(toolCalls > 0 && { server_tool_calls: toolCalls }),
    ...(thinking !== undefined && { completion_tokens_details: { reasoning_tokens: thinking } }),
  };
}

/** How urgently it was served, where that has another price. */
export function toServiceTier(usage: unknown): { readonly service_tier?: string } {
  const tier = fieldOf(usage, "service_tier");
  return tier === "priority" || tier === "batch" ? { service_tier: tier } : {};
}

/** The status that an error has where it stands alone (docs.anthropic.com/en/api/errors). */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  timeout_error: 504,
  overloaded_error: 529,
};

/** An error within an answer, as relays of chat tell it; undefined for what is none. */
export function toChatError(json: unknown): object | undefined {
  if (fieldOf(json, "type") !== "error") return undefined;
  const type = textOf(fieldOf(json, "error"), "type");
  return { error: { status: statuses[type] ?? 500, code: type } };
}
