import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { parseData, textOf } from "../read-answer.ts";
import type { WireFacts, WireStream } from "../wire.ts";
import { toChatError, toChatUsage, toFinish, toServiceTier } from "./from-message.ts";

const keepAlive: SseEvent = { raw: Buffer.from(": ping\n\n"), data: undefined };
const done: SseEvent = { raw: Buffer.from("data: [DONE]\n\n"), data: "[DONE]" };

/**
 * The events of a message as chunks of chat. Blocks come one after the other, so a delta belongs to the last tool that began.
 * Usage is what was said last of each count: `message_start` has the input, `message_delta` the output so far, all of it.
 */
export function createChatEvents({ startedAtMs }: WireFacts): WireStream {
  const created = Math.floor(startedAtMs / 1_000);
  let id = "";
  let model = "";
  let usage: Record<string, unknown> = {};
  let tools = 0;
  /** What the open tool's arguments are so far; undefined while none is open. */
  let given: string | undefined;

  const chunk = (fields: object): SseEvent => {
    const data = JSON.stringify({ id, object: "chat.completion.chunk", created, model, ...fields });
    return { raw: Buffer.from(`data: ${data}\n\n`), data };
  };
  const delta = (fields: object, finish: object = { finish_reason: null }) =>
    chunk({ choices: [{ index: 0, delta: fields, logprobs: null, ...finish }] });
  const toolDelta = (fields: object) => delta({ tool_calls: [{ index: tools - 1, ...fields }] });
  const learn = (said: unknown) => {
    const counts = Object.entries(typeof said === "object" && said !== null ? said : {});
    usage = { ...usage, ...Object.fromEntries(counts.filter(([, count]) => count !== null)) };
  };

  function begin(message: unknown): SseEvent {
    id = textOf(message, "id");
    model = textOf(message, "model");
    learn(fieldOf(message, "usage"));
    return delta({ role: "assistant", content: "" });
  }

  function beginBlock(block: unknown): SseEvent[] {
    if (fieldOf(block, "type") !== "tool_use") return addText(block, "text", "thinking");
    tools++;
    given = "";
    const name = textOf(block, "name");
    return [toolDelta({ id: textOf(block, "id"), type: "function", function: { name, arguments: "" } })];
  }

  function addText(from: unknown, text: string, thinking: string): SseEvent[] {
    const content = textOf(from, text);
    const reasoning = textOf(from, thinking);
    return [
      ...(reasoning === "" ? [] : [delta({ reasoning_content: reasoning })]),
      ...(content === "" ? [] : [delta({ content })]),
    ];
  }

  function addToBlock(added: unknown): SseEvent[] {
    const json = textOf(added, "partial_json");
    if (json === "") return addText(added, "text", "thinking");
    given = (given ?? "") + json;
    return [toolDelta({ function: { arguments: json } })];
  }

  /** A tool that takes nothing is called with nothing, which is not JSON. */
  function endBlock(): SseEvent[] {
    const isEmpty = given === "";
    given = undefined;
    return isEmpty ? [toolDelta({ function: { arguments: "{}" } })] : [];
  }

  function finish(event: unknown): SseEvent[] {
    learn(fieldOf(event, "usage"));
    const counted = toChatUsage(usage);
    const ended = delta({}, toFinish(fieldOf(event, "delta")));
    return counted ? [ended, chunk({ choices: [], ...toServiceTier(usage), usage: counted })] : [ended];
  }

  return {
    read(event) {
      const json = parseData(event.data);
      switch (fieldOf(json, "type")) {
        case "message_start":
          return [begin(fieldOf(json, "message"))];
        case "content_block_start":
          return beginBlock(fieldOf(json, "content_block"));
        case "content_block_delta":
          return addToBlock(fieldOf(json, "delta"));
        case "content_block_stop":
          return endBlock();
        case "message_delta":
          return finish(json);
        case "message_stop":
          return [done];
        case "error":
          return [chunk(toChatError(json) ?? {})];
        case undefined:
          // What is no event of theirs is for who reads the stream to judge.
          return [event];
        default:
          return [keepAlive];
      }
    },
  };
}
