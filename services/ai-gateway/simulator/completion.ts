import { type Answer, type Choice, checkAnswerSize, chooseText, limitOutput } from "./answer.ts";
import { resizeAnswer, writeAnswer } from "./answer-text.ts";
import type { SimulatedModel } from "./catalogue.ts";
import type { Stamp } from "./chat.ts";
import type { Behaviour } from "./directives.ts";
import type { CompletionRequest } from "./requests.ts";
import { countSimulatedInput } from "./tokenizer.ts";

/** The prompts of a request; token ids are shown as `#1 #2`. */
export function promptsOf(prompt: CompletionRequest["prompt"]): readonly string[] {
  if (typeof prompt === "string") return [prompt];
  if (isTokenIds(prompt)) return [showTokenIds(prompt)];
  return prompt.map((item) => (typeof item === "string" ? item : showTokenIds(item)));
}

/** Answers a completion request: `n` choices for each prompt in turn. */
export function answerCompletion(
  request: CompletionRequest,
  model: SimulatedModel,
  behaviour: Behaviour,
  stamp: Stamp,
): Answer {
  const prompts = promptsOf(request.prompt);
  const count = request.n ?? 1;
  checkAnswerSize(behaviour, count * prompts.length);
  const promptTokens = countSimulatedInput(request.prompt);
  // OpenAI's own default for this endpoint is 16; a demonstration reads better whole.
  const asked = { param: "max_tokens", tokens: request.max_tokens };
  const limit = limitOutput(model, promptTokens, asked, behaviour);
  const choices = prompts.flatMap((prompt) =>
    Array.from({ length: count }, (_, index): Choice => {
      const counts = new Map([["prompt", prompts.length]]);
      const text = writeAnswer(
        { modelName: model.name, lastText: prompt, toolName: undefined, counts, toolNames: [] },
        index,
      );
      const seed = [model.name, request.seed ?? "", index, prompt].join("\n");
      const sized = behaviour.tokens === undefined ? text : resizeAnswer(text, behaviour.tokens, seed);
      return chooseText(sized, request.stop, limit);
    }),
  );
  return { ...stamp, model: model.name, choices, promptTokens, cachedTokens: 0, reasoningTokens: 0 };
}

function isTokenIds(prompt: readonly unknown[]): prompt is readonly number[] {
  return typeof prompt[0] === "number";
}

function showTokenIds(ids: readonly number[]): string {
  return ids.map((id) => `#${id}`).join(" ");
}
