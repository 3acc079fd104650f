import type { SseEvent } from "../dialects/openai/sse.ts";

/** Keeps a caller's connection open and says nothing. */
export const keepAlive: SseEvent = { raw: Buffer.from(": ping\n\n"), data: undefined };
/** Follows a complete answer. */
export const done: SseEvent = { raw: Buffer.from("data: [DONE]\n\n"), data: "[DONE]" };

export function toChatEvent(json: object): SseEvent {
  const data = JSON.stringify(json);
  return { raw: Buffer.from(`data: ${data}\n\n`), data };
}

/** What every chunk of an answer says. */
export interface ChunkHead {
  readonly id: string;
  readonly model: string;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
}

/** Chunks of an answer of one choice. */
export function createChunks({ id, model, startedAtMs }: ChunkHead) {
  const head = { id, object: "chat.completion.chunk", created: Math.floor(startedAtMs / 1_000), model };
  const chunk = (fields: object) => toChatEvent({ ...head, ...fields });
  const delta = (fields: object, finish: object = { finish_reason: null }) =>
    chunk({ choices: [{ index: 0, delta: fields, logprobs: null, ...finish }] });
  return {
    chunk,
    delta,
    /** The last: without a choice, with the usage. */
    usage: (usage: object, more: object = {}) => chunk({ choices: [], ...more, usage }),
    /** Begins the tool call with the number `index`. */
    beginCall: (index: number, id: string, name: string) =>
      delta({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
    addArguments: (index: number, text: string) => delta({ tool_calls: [{ index, function: { arguments: text } }] }),
  };
}
