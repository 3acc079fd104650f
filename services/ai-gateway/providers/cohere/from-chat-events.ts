import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { createChunks, done, keepAlive, toChatEvent } from "../chat-chunks.ts";
import { parseData, textOf } from "../read-answer.ts";
import type { WireFacts, WireStream } from "../wire.ts";
import { toChatError, toChatUsage, toFinishReason } from "./from-chat.ts";

/** The events of a stream of Chat (docs.cohere.com/docs/streaming) as chunks of chat. */
export function createChatEvents({ startedAtMs, callId, upstreamModel }: WireFacts): WireStream {
  let chunks = createChunks({ id: callId, model: upstreamModel, startedAtMs });
  /** By Cohere's number of a call: ours, and whether it was given anything. */
  const calls = new Map<unknown, { readonly index: number; isEmpty: boolean }>();

  function begin(event: unknown): SseEvent {
    chunks = createChunks({ id: textOf(event, "id") || callId, model: upstreamModel, startedAtMs });
    return chunks.delta({ role: "assistant", content: "" });
  }

  function addContent(message: unknown): SseEvent[] {
    const from = fieldOf(message, "content");
    const content = textOf(from, "text");
    const reasoning = textOf(from, "thinking") + textOf(message, "tool_plan");
    return [
      ...(reasoning === "" ? [] : [chunks.delta({ reasoning_content: reasoning })]),
      ...(content === "" ? [] : [chunks.delta({ content })]),
    ];
  }

  function beginCall(event: unknown, message: unknown): SseEvent[] {
    const called = fieldOf(message, "tool_calls");
    const named = fieldOf(called, "function");
    const given = textOf(named, "arguments");
    const call = { index: calls.size, isEmpty: given === "" };
    calls.set(fieldOf(event, "index"), call);
    const begun = chunks.beginCall(call.index, textOf(called, "id"), textOf(named, "name"));
    return given === "" ? [begun] : [begun, chunks.addArguments(call.index, given)];
  }

  function addArguments(event: unknown, message: unknown): SseEvent[] {
    const given = textOf(fieldOf(fieldOf(message, "tool_calls"), "function"), "arguments");
    const call = calls.get(fieldOf(event, "index"));
    if (given === "" || !call) return [keepAlive];
    call.isEmpty = false;
    return [chunks.addArguments(call.index, given)];
  }

  /** A tool that takes nothing is called with nothing, which is not JSON. */
  function endCall(event: unknown): SseEvent[] {
    const call = calls.get(fieldOf(event, "index"));
    return call?.isEmpty ? [chunks.addArguments(call.index, "{}")] : [keepAlive];
  }

  function end(delta: unknown): SseEvent[] {
    const reason = fieldOf(delta, "finish_reason");
    const failed = toChatError(reason);
    if (failed) return [toChatEvent(failed)];
    const usage = toChatUsage(fieldOf(delta, "usage"));
    const finished = chunks.delta({}, { finish_reason: toFinishReason(reason) });
    return usage ? [finished, chunks.usage(usage), done] : [finished, done];
  }

  return {
    read(event) {
      const json = parseData(event.data);
      const delta = fieldOf(json, "delta");
      const message = fieldOf(delta, "message");
      switch (fieldOf(json, "type")) {
        case "message-start":
          return [begin(json)];
        case "content-start":
        case "content-delta":
        case "tool-plan-delta":
          return addContent(message);
        case "tool-call-start":
          return beginCall(json, message);
        case "tool-call-delta":
          return addArguments(json, message);
        case "tool-call-end":
          return endCall(json);
        case "citation-start":
          return [chunks.delta({ citations: [fieldOf(message, "citations")].flat() })];
        case "message-end":
          return end(delta);
        case undefined:
          // What is no event of theirs is for who reads the stream to judge.
          return [event];
        default:
          return [keepAlive];
      }
    },
  };
}
