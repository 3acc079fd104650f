import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { createChunks, done, keepAlive, toChatEvent } from "../chat-chunks.ts";
import { parseData, textOf } from "../read-answer.ts";
import type { WireFacts, WireStream } from "../wire.ts";
import { toChatError, toChatUsage, toFailedError, toFinishReason, toText } from "./from-prediction.ts";

const eventName = /(?:^|[\r\n])event: ?([a-z]+)/;

/**
 * The events of a prediction's stream (replicate.com/docs/topics/predictions/streaming) as chunks of chat. It ends well only with the prediction
 * itself, which follows once it is over.
 */
export function createOutputEvents({ startedAtMs, callId, upstreamModel }: WireFacts): WireStream {
  const chunks = createChunks({ id: callId, model: upstreamModel, startedAtMs });
  let hasBegun = false;

  function begin(): SseEvent[] {
    if (hasBegun) return [];
    hasBegun = true;
    return [chunks.delta({ role: "assistant", content: "" })];
  }

  function add(content: string): SseEvent[] {
    return content === "" ? [] : [...begin(), chunks.delta({ content })];
  }

  function end(prediction: unknown): SseEvent[] {
    const failed = toChatError(prediction);
    if (failed) return [toChatEvent(failed)];
    // A model that does not stream has put out everything by now.
    const rest = hasBegun ? [] : add(toText(fieldOf(prediction, "output")));
    const finished = chunks.delta({}, { finish_reason: toFinishReason(prediction) });
    const usage = toChatUsage(prediction);
    return [...begin(), ...rest, finished, ...(usage ? [chunks.usage(usage)] : []), done];
  }

  return {
    read(event) {
      const { raw, data } = event;
      if (data === undefined) return raw.toString().trim() === "" ? [] : [keepAlive];
      switch (eventName.exec(raw.toString())?.[1]) {
        case "output":
          return add(data);
        case "error":
          return [toChatEvent(toFailedError(textOf(parseData(data), "detail")))];
        case "done":
          return [];
        case "prediction":
          return end(parseData(data));
        case undefined:
          // What is no event of theirs is for who reads the stream to judge.
          return [event];
        default:
          return [keepAlive];
      }
    },
  };
}
