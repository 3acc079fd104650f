import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { createChunks, done, keepAlive, toChatEvent } from "../chat-chunks.ts";
import { parseData, textOf } from "../read-answer.ts";
import type { WireFacts, WireStream } from "../wire.ts";
import { toChatUsage, toFinishReason, toServiceTier } from "./from-converse.ts";

/** The status that an exception of a stream has where it stands alone (API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors). */
export const statuses: Readonly<Record<string, number>> = {
  validationException: 400,
  accessDeniedException: 403,
  resourceNotFoundException: 404,
  modelTimeoutException: 504,
  throttlingException: 429,
  serviceUnavailableException: 503,
  modelNotReadyException: 503,
};

/** What is open of a tool's call, and what of a thought. */
interface Block {
  call: number | undefined;
  given: string;
  thought: string;
}

/** The events of a stream of Converse as chunks of chat. Its usage comes last, in `metadata`, after the reason why it ended. */
export function createChatEvents({ startedAtMs, callId, upstreamModel }: WireFacts): WireStream {
  const chunks = createChunks({ id: callId, model: upstreamModel, startedAtMs });
  let calls = 0;
  const blocks = new Map<unknown, Block>();

  const blockOf = (event: unknown): Block => {
    const index = fieldOf(event, "contentBlockIndex");
    const block = blocks.get(index) ?? { call: undefined, given: "", thought: "" };
    blocks.set(index, block);
    return block;
  };

  function begin(event: unknown): SseEvent[] {
    const call = fieldOf(fieldOf(event, "start"), "toolUse");
    if (call === undefined) return [keepAlive];
    const block = blockOf(event);
    block.call = calls++;
    return [chunks.beginCall(block.call, textOf(call, "toolUseId"), textOf(call, "name"))];
  }

  function add(event: unknown): SseEvent[] {
    const block = blockOf(event);
    const delta = fieldOf(event, "delta");
    const content = textOf(delta, "text");
    const given = textOf(fieldOf(delta, "toolUse"), "input");
    block.given += given;
    return [
      ...addThought(fieldOf(delta, "reasoningContent"), block),
      ...(content === "" ? [] : [chunks.delta({ content })]),
      ...(given === "" || block.call === undefined ? [] : [chunks.addArguments(block.call, given)]),
    ];
  }

  /** A signature comes when its thought has been told, and is good for all of it. */
  function addThought(thought: unknown, block: Block): SseEvent[] {
    const text = textOf(thought, "text");
    const signature = textOf(thought, "signature");
    const data = textOf(thought, "redactedContent");
    block.thought += text;
    const signed = { type: "reasoning.text", text: block.thought, signature };
    const sealed = { type: "reasoning.encrypted", data };
    return [
      ...(text === "" ? [] : [chunks.delta({ reasoning_content: text })]),
      ...(signature === "" ? [] : [chunks.delta({ reasoning_details: [signed] })]),
      ...(data === "" ? [] : [chunks.delta({ reasoning_details: [sealed] })]),
    ];
  }

  /** A tool that takes nothing is called with nothing, which is not JSON. */
  function endBlock(event: unknown): SseEvent[] {
    const { call, given } = blockOf(event);
    blocks.delete(fieldOf(event, "contentBlockIndex"));
    return call !== undefined && given === "" ? [chunks.addArguments(call, "{}")] : [keepAlive];
  }

  function end(event: unknown): SseEvent[] {
    const usage = toChatUsage(fieldOf(event, "usage"));
    return usage ? [chunks.usage(usage, toServiceTier(event)), done] : [done];
  }

  return {
    read(event) {
      const json = parseData(event.data);
      // What is no event of theirs is for who reads the stream to judge.
      if (json === undefined) return [event];
      const exception = fieldOf(json, "exception");
      if (typeof exception === "string") {
        return [toChatEvent({ error: { status: statuses[exception] ?? 500, code: exception } })];
      }
      const [[type, payload] = []] = Object.entries(Object(json));
      switch (type) {
        case "messageStart":
          return [chunks.delta({ role: "assistant", content: "" })];
        case "contentBlockStart":
          return begin(payload);
        case "contentBlockDelta":
          return add(payload);
        case "contentBlockStop":
          return endBlock(payload);
        case "messageStop":
          return [chunks.delta({}, { finish_reason: toFinishReason(fieldOf(payload, "stopReason")) })];
        case "metadata":
          return end(payload);
        default:
          return [keepAlive];
      }
    },
  };
}
