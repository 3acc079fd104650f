import { fieldOf } from "../../dialects/openai/usage.ts";
import { countOf, textOf } from "../read-answer.ts";
import type { WireFacts } from "../wire.ts";
import { thoughtsOf, toReasoningDetails } from "./reasoning-items.ts";

/** Codes of an error within an answer, as statuses; any other is the provider's fault. */
const statuses: Readonly<Record<string, number>> = {
  ...{ rate_limit_exceeded: 429, insufficient_quota: 429, server_is_overloaded: 503, invalid_prompt: 400 },
  ...{ context_length_exceeded: 400, invalid_image: 400, invalid_image_url: 400, image_too_large: 400 },
};
/** Tools that run at the provider and are charged by the call. */
const chargedCalls = new Set(["web_search_call", "file_search_call", "code_interpreter_call"]);
/** Of searches in the web these are free (developers.openai.com/api/docs/guides/tools-web-search). */
const freeActions = new Set(["open_page", "find_in_page"]);
/** The same in xAI's words (docs.x.ai/docs/guides/tools); servers of tools are charged by their tokens. */
const chargedAtXai = [
  ...["web_search_calls", "x_search_calls", "code_interpreter_calls", "file_search_calls", "document_search_calls"],
];

/** A response as a chat completion; undefined for what is none. One that failed is the error that it failed with. */
export function toChatCompletion(json: unknown, { startedAtMs }: WireFacts): object | undefined {
  const items = fieldOf(json, "output");
  if (fieldOf(json, "object") !== "response" || !Array.isArray(items)) return undefined;
  const failed = toChatError(json);
  if (failed) return failed;
  const said = { content: "", refusal: "", thoughts: [] as string[], details: [] as object[], calls: [] as object[] };
  for (const item of items) {
    const type = fieldOf(item, "type");
    if (type === "reasoning") {
      said.thoughts.push(...thoughtsOf(item));
      said.details.push(...toReasoningDetails(item));
    } else if (type === "function_call") said.calls.push(toToolCall(item));
    else if (type === "message") {
      const parts: unknown = fieldOf(item, "content");
      for (const part of Array.isArray(parts) ? parts : []) {
        said.content += textOf(part, "text");
        said.refusal += textOf(part, "refusal");
      }
    }
  }
  const { content, refusal, thoughts, details, calls } = said;
  const tier = textOf(json, "service_tier");
  return {
    id: textOf(json, "id"),
    object: "chat.completion",
    created: Math.floor(startedAtMs / 1_000),
    model: textOf(json, "model"),
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: content === "" && (calls.length > 0 || refusal !== "") ? null : content,
          refusal: refusal === "" ? null : refusal,
          ...(thoughts.length > 0 && { reasoning_content: thoughts.join("\n\n") }),
          ...(details.length > 0 && { reasoning_details: details }),
          ...(calls.length > 0 && { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: toFinishReason(json, calls.length > 0),
      },
    ],
    ...(tier !== "" && { service_tier: tier }),
    usage: toChatUsage(json),
  };
}

/** The error of a response that failed, or of an event that is one, with nothing of the provider's text; undefined for any other. */
export function toChatError(json: unknown): object | undefined {
  const isEvent = fieldOf(json, "type") === "error";
  const status = fieldOf(json, "status");
  if (!isEvent && status !== "failed" && status !== "cancelled") return undefined;
  const error = fieldOf(json, "error");
  const code = textOf(typeof error === "object" && error !== null ? error : json, "code");
  return { error: { status: statuses[code] ?? 500, ...(code !== "" && { code }) } };
}

/** Why a response ended, in chat's words; null while it has not. */
export function toFinishReason(response: unknown, hasCalls: boolean): string | null {
  const status = fieldOf(response, "status");
  if (status === "completed") return hasCalls ? "tool_calls" : "stop";
  if (status !== "incomplete") return null;
  const reason = fieldOf(fieldOf(response, "incomplete_details"), "reason");
  return reason === "content_filter" ? "content_filter" : "length";
}

function toToolCall(item: unknown): object {
  const named = { name: textOf(item, "name"), arguments: textOf(item, "arguments") || "{}" };
  return { id: textOf(item, "call_id"), type: "function", function: named };
}

/** Usage in chat's form, where input and output have in them what came from a cache and what was thought, as they have here. */
export function toChatUsage(response: unknown): object | undefined {
  const usage = fieldOf(response, "usage");
  const prompt = countOf(usage, "input_tokens");
  const completion = countOf(usage, "output_tokens");
  if (prompt === undefined || completion === undefined) return undefined;
  const input = fieldOf(usage, "input_tokens_details");
  const written = countOf(input, "cache_write_tokens");
  const reasoning = countOf(fieldOf(usage, "output_tokens_details"), "reasoning_tokens");
  const calls = countCharged(usage, fieldOf(response, "output"));
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: countOf(input, "cached_tokens") ?? 0,
      ...(written !== undefined && { cache_write_tokens: written }),
    },
    completion_tokens_details: { reasoning_tokens: reasoning ?? 0 },
    ...(calls > 0 && { server_tool_calls: calls }),
  };
}

/** By what the provider itself counts, where it does. */
function countCharged(usage: unknown, output: unknown): number {
  const counted = fieldOf(usage, "server_side_tool_usage_details");
  if (counted !== undefined) return chargedAtXai.reduce((sum, name) => sum + (countOf(counted, name) ?? 0), 0);
  const items: readonly unknown[] = Array.isArray(output) ? output : [];
  return items.filter(
    (item) => chargedCalls.has(textOf(item, "type")) && !freeActions.has(textOf(fieldOf(item, "action") ?? {}, "type")),
  ).length;
}
