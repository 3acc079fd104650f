import type { SimulatedModel } from "./catalogue.ts";
import { answerTokensLimit, type Behaviour } from "./directives.ts";
import { splitSimulatedTokens } from "./tokenizer.ts";
import { badRequest } from "./wire-error.ts";

/** What one token of an answer does. A stream sends one piece per chunk. */
export type Piece =
  | { readonly type: "text"; readonly text: string }
  | CallPiece
  | { readonly type: "arguments"; readonly call: number; readonly text: string };

/** Begins a tool call. */
export interface CallPiece {
  readonly type: "call";
  readonly call: number;
  readonly id: string;
  readonly name: string;
  /** All of the arguments, when they do not follow in pieces of their own. */
  readonly arguments?: string;
}

export interface Choice {
  readonly pieces: readonly Piece[];
  readonly finishReason: string | null;
}

/** A whole answer before it takes the form of an endpoint. */
export interface Answer {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Thought by each choice without being shown; part of what it costs. */
  readonly reasoningTokens: number;
}

/** The most tokens one choice may have, shown and thought. Throws a WireError 400 as the API does. */
export function limitOutput(
  model: SimulatedModel,
  promptTokens: number,
  asked: { readonly param: string; readonly tokens: number | null | undefined },
  behaviour: Behaviour,
): number {
  if (promptTokens >= model.contextTokens) {
    const message = `This model's maximum context length is ${model.contextTokens} tokens. However, your messages resulted in ${promptTokens} tokens.`;
    throw badRequest("messages", message, "context_length_exceeded");
  }
  if (asked.tokens && asked.tokens > model.maxOutputTokens) {
    const message = `${asked.param} is too large: ${asked.tokens}. This model supports at most ${model.maxOutputTokens} completion tokens.`;
    throw badRequest(asked.param, message, "invalid_value");
  }
  if (behaviour.ignore_limits) return answerTokensLimit;
  return Math.min(asked.tokens ?? model.maxOutputTokens, model.maxOutputTokens, model.contextTokens - promptTokens);
}

/** Refuses what would make one answer longer than 100,000 tokens in all its choices. */
export function checkAnswerSize(behaviour: Behaviour, choices: number): void {
  const tokens = Math.max(behaviour.tokens ?? 0, behaviour.reasoning_tokens ?? 0) * choices;
  if (tokens <= answerTokensLimit) return;
  throw badRequest("n", `An answer of ${tokens} tokens in all is larger than ${answerTokensLimit}.`);
}

/** A choice of text, ended by the first stop sequence or by the limit, whichever comes first. */
export function chooseText(text: string, stop: string | readonly string[] | null | undefined, limit: number): Choice {
  const found = [stop ?? []].flat().map((sequence) => (sequence === "" ? -1 : text.indexOf(sequence)));
  const end = Math.min(text.length, ...found.filter((at) => at >= 0));
  const tokens = splitSimulatedTokens(text.slice(0, end), limit + 1);
  const pieces = tokens.slice(0, limit).map((token): Piece => ({ type: "text", text: token }));
  return { pieces, finishReason: tokens.length > limit ? "length" : "stop" };
}

/** Usage in OpenAI's form: `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning. */
export function usageOf(answer: Answer, kind: Behaviour["usage"], shownTokens = countShown(answer)) {
  const isZero = kind === "zero";
  const reasoning = isZero ? 0 : answer.reasoningTokens * answer.choices.length;
  const prompt = isZero ? 0 : answer.promptTokens;
  const completion = isZero ? 0 : shownTokens + reasoning;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: isZero ? 0 : answer.cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Tokens that the client gets to see, over all choices. */
export function countShown(answer: Answer): number {
  return answer.choices.reduce((sum, choice) => sum + choice.pieces.length, 0);
}
