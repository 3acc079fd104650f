import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { createChunks, done, keepAlive, toChatEvent } from "../chat-chunks.ts";
import { parseData, textOf } from "../read-answer.ts";
import type { WireFacts, WireStream } from "../wire.ts";
import { toChatError, toChatUsage, toFinishReason } from "./from-response.ts";
import { toReasoningDetails } from "./reasoning-items.ts";

/** The events of a response (developers.openai.com/api/reference/resources/responses/streaming-events) as chunks of chat. */
export function createChatEvents({ startedAtMs, callId, upstreamModel }: WireFacts): WireStream {
  let chunks = createChunks({ id: callId, model: upstreamModel, startedAtMs });
  /** By the number of an item: its call's number in chat, and whether it was given anything. */
  const calls = new Map<unknown, { readonly index: number; isEmpty: boolean }>();

  function begin(response: unknown): SseEvent {
    const [id, model] = [textOf(response, "id") || callId, textOf(response, "model") || upstreamModel];
    chunks = createChunks({ id, model, startedAtMs });
    return chunks.delta({ role: "assistant", content: "" });
  }

  function beginItem(event: unknown, item: unknown): SseEvent[] {
    if (fieldOf(item, "type") !== "function_call") return [keepAlive];
    const call = { index: calls.size, isEmpty: true };
    calls.set(fieldOf(event, "output_index"), call);
    return [chunks.beginCall(call.index, textOf(item, "call_id"), textOf(item, "name"))];
  }

  function addArguments(event: unknown): SseEvent[] {
    const call = calls.get(fieldOf(event, "output_index"));
    const given = textOf(event, "delta");
    if (!call || given === "") return [keepAlive];
    call.isEmpty = false;
    return [chunks.addArguments(call.index, given)];
  }

  /** What was given at once is told at the end of its item; a tool that takes nothing is called with nothing, which is not JSON. */
  function endItem(event: unknown, item: unknown): SseEvent[] {
    const details = toReasoningDetails(item);
    if (details.length > 0) return [chunks.delta({ reasoning_details: details })];
    const call = calls.get(fieldOf(event, "output_index"));
    if (!call?.isEmpty) return [keepAlive];
    call.isEmpty = false;
    return [chunks.addArguments(call.index, textOf(item, "arguments") || "{}")];
  }

  /** Several summaries of a thought are paragraphs. */
  function beginSummary(event: unknown): SseEvent[] {
    const isFirst = fieldOf(event, "summary_index") === 0;
    return [isFirst ? keepAlive : chunks.delta({ reasoning_content: "\n\n" })];
  }

  function end(response: unknown): SseEvent[] {
    const failed = toChatError(response);
    if (failed) return [toChatEvent(failed)];
    const usage = toChatUsage(response);
    const tier = textOf(response, "service_tier");
    const finished = chunks.delta({}, { finish_reason: toFinishReason(response, calls.size > 0) });
    return usage ? [finished, chunks.usage(usage, tier === "" ? {} : { service_tier: tier }), done] : [finished, done];
  }

  const told = (delta: string, field: string) => (delta === "" ? keepAlive : chunks.delta({ [field]: delta }));

  return {
    read(event) {
      const json = parseData(event.data);
      switch (fieldOf(json, "type")) {
        case "response.created":
          return [begin(fieldOf(json, "response"))];
        case "response.output_item.added":
          return beginItem(json, fieldOf(json, "item"));
        case "response.output_item.done":
          return endItem(json, fieldOf(json, "item"));
        case "response.output_text.delta":
          return [told(textOf(json, "delta"), "content")];
        case "response.refusal.delta":
          return [told(textOf(json, "delta"), "refusal")];
        case "response.reasoning_text.delta":
        case "response.reasoning_summary_text.delta":
          return [told(textOf(json, "delta"), "reasoning_content")];
        case "response.reasoning_summary_part.added":
          return beginSummary(json);
        case "response.function_call_arguments.delta":
          return addArguments(json);
        case "response.completed":
        case "response.incomplete":
        case "response.failed":
          return end(fieldOf(json, "response"));
        case "error":
          return [toChatEvent(toChatError(json) ?? {})];
        case undefined:
          // Chunks of another surface, and what is for who reads the stream to judge.
          return [event];
        default:
          return [keepAlive];
      }
    },
  };
}
