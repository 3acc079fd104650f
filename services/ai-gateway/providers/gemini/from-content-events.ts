import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { parseData } from "../read-answer.ts";
import type { WireFacts, WireStream } from "../wire.ts";
import {
  candidatesOf,
  countSearches,
  indexOf,
  readCandidate,
  searchesOf,
  toChatUsage,
  toFinishReason,
  toHead,
  toToolCall,
  unwrap,
} from "./from-content.ts";

interface Choice {
  calls: number;
  isFinished: boolean;
}

/**
 * Each event is an answer of its own that goes on with the one before. Calls come whole. Usage stands in each, and the last one
 * counts: it follows when every candidate has said why it ended, which is the only end that the stream has.
 */
export function createChatEvents({ startedAtMs, upstreamModel }: WireFacts): WireStream {
  const choices = new Map<number, Choice>();
  const searches = new Set<string>();

  function choiceOf(index: number): { readonly choice: Choice; readonly isNew: boolean } {
    const known = choices.get(index);
    if (known) return { choice: known, isNew: false };
    const choice = { calls: 0, isFinished: false };
    choices.set(index, choice);
    return { choice, isNew: true };
  }

  function readOne(candidate: unknown, n: number): object[] {
    const index = indexOf(candidate, n);
    const { choice, isNew } = choiceOf(index);
    const { content, reasoning, calls } = readCandidate(candidate, () => choice.calls);
    const deltas: object[] = [];
    if (isNew) deltas.push({ role: "assistant", content: "" });
    if (reasoning !== "") deltas.push({ reasoning_content: reasoning });
    if (content !== "") deltas.push({ content });
    for (const call of calls) deltas.push({ tool_calls: [{ index: choice.calls++, ...toToolCall(call) }] });
    const finish = toFinishReason(candidate, choice.calls > 0);
    const written = deltas.map((delta) => ({ index, delta, logprobs: null, finish_reason: null as string | null }));
    if (finish === undefined) return written;
    choice.isFinished = true;
    return [...written, { index, delta: {}, logprobs: null, finish_reason: finish }];
  }

  return {
    read(event) {
      const json = unwrap(parseData(event.data));
      const candidates = candidatesOf(json);
      // An error, or no event of theirs: for who reads the stream to judge.
      if (fieldOf(json, "error")) return [toEvent({ error: fieldOf(json, "error") })];
      if (!candidates) return [event];
      const head = { ...toHead(json, startedAtMs), object: "chat.completion.chunk" };
      const chunks = candidates.flatMap(readOne).map((choice) => toEvent({ ...head, choices: [choice] }));
      for (const search of searchesOf(candidates)) searches.add(search);
      const usage = toChatUsage(fieldOf(json, "usageMetadata"), countSearches(searches, upstreamModel));
      const isWhole = choices.size > 0 && [...choices.values()].every(({ isFinished }) => isFinished);
      return usage && isWhole ? [...chunks, toEvent({ ...head, choices: [], usage })] : chunks;
    },
  };
}

function toEvent(json: object): SseEvent {
  const data = JSON.stringify(json);
  return { raw: Buffer.from(`data: ${data}\n\n`), data };
}
