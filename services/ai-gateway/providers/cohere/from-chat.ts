import { fieldOf } from "../../dialects/openai/usage.ts";
import { countOf, textOf } from "../read-answer.ts";
import type { WireFacts } from "../wire.ts";

/** Why an answer ended, in chat's words (docs.cohere.com/reference/chat). */
const finishReasons: Readonly<Record<string, string>> = {
  COMPLETE: "stop",
  STOP_SEQUENCE: "stop",
  MAX_TOKENS: "length",
  ERROR_LIMIT: "length",
  TOOL_CALL: "tool_calls",
  ERROR_TOXIC: "content_filter",
};
/** Ends that are none. */
const failures: Readonly<Record<string, number>> = { ERROR: 500, TIMEOUT: 504 };

export function toFinishReason(reason: unknown): string | null {
  return typeof reason === "string" ? (finishReasons[reason] ?? "stop") : null;
}

/** An answer that ended by a fault, as relays of chat tell it; undefined for any other. */
export function toChatError(reason: unknown): object | undefined {
  const status = typeof reason === "string" ? failures[reason] : undefined;
  return status === undefined ? undefined : { error: { status, code: String(reason).toLowerCase() } };
}

/** An answer of Chat as a chat completion, with its citations as Cohere has them; undefined for what is none. */
export function toChatCompletion(json: unknown, { startedAtMs, upstreamModel }: WireFacts): object | undefined {
  const message = fieldOf(json, "message");
  const reason = fieldOf(json, "finish_reason");
  if (typeof message !== "object" || message === null) return undefined;
  const failed = toChatError(reason);
  if (failed) return failed;
  const blocks: unknown = fieldOf(message, "content");
  const texts = Array.isArray(blocks) ? blocks : [];
  const content = texts.map((block) => textOf(block, "text")).join("");
  const reasoning = texts.map((block) => textOf(block, "thinking")).join("") + textOf(message, "tool_plan");
  const calls = fieldOf(message, "tool_calls");
  const citations = fieldOf(message, "citations");
  const hasCalls = Array.isArray(calls) && calls.length > 0;
  return {
    id: textOf(json, "id"),
    object: "chat.completion",
    created: Math.floor(startedAtMs / 1_000),
    model: upstreamModel,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: content === "" && hasCalls ? null : content,
          refusal: null,
          ...(reasoning !== "" && { reasoning_content: reasoning }),
          ...(hasCalls && { tool_calls: calls.map(toToolCall) }),
          ...(Array.isArray(citations) && citations.length > 0 && { citations }),
        },
        logprobs: null,
        finish_reason: toFinishReason(reason),
      },
    ],
    usage: toChatUsage(fieldOf(json, "usage")),
  };
}

function toToolCall(call: unknown): object {
  const named = fieldOf(call, "function");
  return {
    id: textOf(call, "id"),
    type: "function",
    function: { name: textOf(named, "name"), arguments: textOf(named, "arguments") || "{}" },
  };
}

/**
 * Usage in chat's form: what is billed, which leaves out what Cohere itself adds to a prompt; else what went through the model. Undefined
 * where nothing is reported.
 */
export function toChatUsage(usage: unknown): object | undefined {
  const billed = fieldOf(usage, "billed_units");
  const units = countOf(billed, "input_tokens") === undefined ? fieldOf(usage, "tokens") : billed;
  const prompt = countOf(units, "input_tokens");
  const completion = countOf(units, "output_tokens");
  if (prompt === undefined || completion === undefined) return undefined;
  const searches = countOf(billed, "search_units") ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(searches > 0 && { server_tool_calls: searches }),
  };
}
