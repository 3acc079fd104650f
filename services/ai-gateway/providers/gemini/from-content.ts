import { fieldOf } from "../../dialects/openai/usage.ts";
import { countOf, textOf } from "../read-answer.ts";
import type { WireFacts } from "../wire.ts";

/** Why an answer ended, in chat's words (ai.google.dev/api/generate-content#FinishReason); all others are refusals. */
const finishReasons: Readonly<Record<string, string>> = { STOP: "stop", MAX_TOKENS: "length", OTHER: "stop" };

/** What a candidate says, whole or of a chunk. */
export interface Said {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly Call[];
}

interface Call {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  readonly extra: object;
}

/**
 * An answer as a chat completion. A prompt that is blocked has no candidates, and is a refusal that costs its input. An error stays
 * one; what is neither is null.
 */
export function toChatCompletion(answered: unknown, { startedAtMs, upstreamModel }: WireFacts): object | null {
  const json = unwrap(answered);
  if (fieldOf(json, "error")) return { error: fieldOf(json, "error") };
  const candidates = candidatesOf(json);
  if (!candidates) return null;
  return {
    ...toHead(json, startedAtMs),
    object: "chat.completion",
    choices: candidates.map((candidate, n) => {
      const { content, reasoning, calls } = readCandidate(candidate, () => 0);
      return {
        index: indexOf(candidate, n),
        message: {
          role: "assistant",
          content: content === "" && calls.length > 0 ? null : content,
          refusal: null,
          ...(reasoning !== "" && { reasoning_content: reasoning }),
          ...(calls.length > 0 && { tool_calls: calls.map(toToolCall) }),
        },
        logprobs: null,
        finish_reason: toFinishReason(candidate, calls.length > 0) ?? "stop",
      };
    }),
    usage: toChatUsage(fieldOf(json, "usageMetadata"), countSearches(searchesOf(candidates), upstreamModel)),
  };
}

/** Errors of a stream come as a list of one. */
export function unwrap(json: unknown): unknown {
  return Array.isArray(json) ? json[0] : json;
}

/** Undefined for what is no answer. */
export function candidatesOf(json: unknown): readonly unknown[] | undefined {
  const candidates = fieldOf(json, "candidates");
  if (Array.isArray(candidates)) return candidates;
  const blocked = fieldOf(fieldOf(json, "promptFeedback"), "blockReason");
  if (blocked !== undefined) return [{ index: 0, finishReason: "PROHIBITED_CONTENT" }];
  return fieldOf(json, "usageMetadata") === undefined ? undefined : [];
}

export function toHead(json: unknown, startedAtMs: number) {
  return {
    id: textOf(json, "responseId"),
    created: Math.floor(startedAtMs / 1_000),
    model: textOf(json, "modelVersion"),
  };
}

export function indexOf(candidate: unknown, otherwise: number): number {
  const index = fieldOf(candidate, "index");
  return typeof index === "number" ? index : otherwise;
}

/** `before` is how many calls the candidate has made in chunks before this one: those without an id are numbered. */
export function readCandidate(candidate: unknown, before: () => number): Said {
  const parts = fieldOf(fieldOf(candidate, "content"), "parts");
  let content = "";
  let reasoning = "";
  const calls: Call[] = [];
  for (const part of Array.isArray(parts) ? parts : []) {
    const text = textOf(part, "text");
    if (fieldOf(part, "thought") === true) reasoning += text;
    else content += text;
    const call = fieldOf(part, "functionCall");
    if (call === undefined) continue;
    const number = before() + calls.length;
    const signature = fieldOf(part, "thoughtSignature");
    calls.push({
      id: textOf(call, "id") || `call_${number}_${textOf(call, "name")}`,
      name: textOf(call, "name"),
      arguments: JSON.stringify(fieldOf(call, "args") ?? {}),
      extra: typeof signature === "string" ? { extra_content: { google: { thought_signature: signature } } } : {},
    });
  }
  return { content, reasoning, calls };
}

export function toToolCall({ id, name, arguments: text, extra }: Call): object {
  return { id, type: "function", function: { name, arguments: text }, ...extra };
}

export function toFinishReason(candidate: unknown, hasCalls: boolean): string | undefined {
  const reason = fieldOf(candidate, "finishReason");
  if (typeof reason !== "string") return undefined;
  if (reason === "STOP" && hasCalls) return "tool_calls";
  return finishReasons[reason] ?? "content_filter";
}

/**
 * Usage in chat's form. `promptTokenCount` includes what came from a cache, and neither what tools read nor thoughts are within the
 * counts beside theirs (ai.google.dev/api/generate-content#UsageMetadata).
 */
export function toChatUsage(usage: unknown, searches: number): object | undefined {
  const prompt = countOf(usage, "promptTokenCount");
  if (prompt === undefined) return undefined;
  const thoughts = countOf(usage, "thoughtsTokenCount") ?? 0;
  const input = prompt + (countOf(usage, "toolUsePromptTokenCount") ?? 0);
  const output = (countOf(usage, "candidatesTokenCount") ?? 0) + thoughts;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    ...(searches > 0 && { server_tool_calls: searches }),
    prompt_tokens_details: {
      cached_tokens: countOf(usage, "cachedContentTokenCount") ?? 0,
      ...audioOf(usage, "promptTokensDetails"),
    },
    completion_tokens_details: { reasoning_tokens: thoughts, ...audioOf(usage, "candidatesTokensDetails") },
  };
}

/** What Google has searched for, so far as it says so; empty for a map that it has looked at without words. */
export function searchesOf(candidates: readonly unknown[]): readonly string[] {
  return candidates.flatMap((candidate) => {
    const grounding = fieldOf(candidate, "groundingMetadata");
    const queries = fieldOf(grounding, "webSearchQueries");
    const chunks = fieldOf(grounding, "groundingChunks");
    const hasMaps = Array.isArray(chunks) && chunks.some((chunk) => fieldOf(chunk, "maps") !== undefined);
    const words = (Array.isArray(queries) ? queries : []).filter((query) => typeof query === "string" && query !== "");
    return words.length === 0 && hasMaps ? [""] : words;
  });
}

/**
 * How often Google charges for searching, apart from tokens: each query once, of models before the third generation each answer for which
 * it has searched (ai.google.dev/gemini-api/docs/google-search#pricing).
 */
export function countSearches(searches: Iterable<string>, upstreamModel: string): number {
  const { size } = new Set(searches);
  return /^gemini-[12]\b/.test(upstreamModel) ? Math.min(size, 1) : size;
}

/** Audio has a price of its own. */
function audioOf(usage: unknown, name: string): { readonly audio_tokens?: number } {
  const details = fieldOf(usage, name);
  const audio = Array.isArray(details) ? details.find((detail) => fieldOf(detail, "modality") === "AUDIO") : undefined;
  const count = countOf(audio, "tokenCount");
  return count === undefined ? {} : { audio_tokens: count };
}
