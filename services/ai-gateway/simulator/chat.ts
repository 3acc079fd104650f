import { type Answer, type Choice, checkAnswerSize, chooseText, limitOutput, type Piece } from "./answer.ts";
import { resizeAnswer, type Understanding, writeAnswer } from "./answer-text.ts";
import type { SimulatedModel } from "./catalogue.ts";
import type { Behaviour } from "./directives.ts";
import { type ChatMessage, type ChatRequest, type ChatTool, textOf } from "./requests.ts";
import { valueForSchema } from "./schema-value.ts";
import { seededHex } from "./seeded.ts";
import { countSimulatedPrompt, splitSimulatedTokens } from "./tokenizer.ts";

/** Facts that the server adds to an answer. */
export interface Stamp {
  readonly id: string;
  readonly created: number;
}

/** The text of the last user message: where directives and names of tools are looked for. */
export function lastUserText(messages: readonly ChatMessage[]): string {
  return textOf(messages.findLast((message) => message.role === "user")?.content);
}

/** Answers a chat request. The same request gets the same words. Throws a WireError 400 for what it cannot do. */
export function answerChat(request: ChatRequest, model: SimulatedModel, behaviour: Behaviour, stamp: Stamp): Answer {
  const count = request.n ?? 1;
  checkAnswerSize(behaviour, count);
  const promptTokens = countSimulatedPrompt(request.messages, request.tools);
  const param = request.max_completion_tokens ? "max_completion_tokens" : "max_tokens";
  const tokens = request.max_completion_tokens ?? request.max_tokens;
  const limit = limitOutput(model, promptTokens, { param, tokens }, behaviour);
  const reasoningTokens = Math.min(behaviour.reasoning_tokens ?? 0, limit);
  const choices = Array.from({ length: count }, (_, index) => {
    const choice = choose(request, model, behaviour, index, limit - reasoningTokens);
    const forced = behaviour.finish_reason;
    return forced === undefined ? choice : { ...choice, finishReason: forced === "null" ? null : forced };
  });
  const cachedTokens = Math.min(behaviour.cached_tokens ?? 0, promptTokens);
  return { ...stamp, model: model.name, choices, promptTokens, cachedTokens, reasoningTokens };
}

function choose(
  request: ChatRequest,
  model: SimulatedModel,
  behaviour: Behaviour,
  index: number,
  limit: number,
): Choice {
  const seed = [model.name, request.seed ?? "", index, request.messages.length, lastUserText(request.messages)].join(
    "\n",
  );
  const called = chooseTools(request);
  if (called.length > 0) return callTools(request, called, seed, limit);
  const text = writeAnswer(understand(request, model), index);
  if (request.response_format?.type === "json_schema") {
    const { schema } = request.response_format.json_schema;
    const value = schema === undefined ? { simulated: true, answer: text } : valueForSchema(schema, "response_format");
    return chooseText(JSON.stringify(value), request.stop, limit);
  }
  if (request.response_format?.type === "json_object") {
    return chooseText(JSON.stringify({ simulated: true, answer: text }), request.stop, limit);
  }
  const sized = behaviour.tokens === undefined ? text : resizeAnswer(text, behaviour.tokens, seed);
  return chooseText(sized, request.stop, limit);
}

/** The named tool; else, when the user speaks last, the tools mentioned; else, if one is required, the first. */
function chooseTools(request: ChatRequest): readonly ChatTool[] {
  const { tools = [], tool_choice: choice, messages } = request;
  if (choice === "none" || tools.length === 0) return [];
  if (choice && typeof choice === "object") return tools.filter((tool) => tool.function.name === choice.function.name);
  const isUserLast = messages.at(-1)?.role === "user";
  const said = isUserLast
    ? lastUserText(messages)
        .toLowerCase()
        .replaceAll(/[_\s]+/g, " ")
    : "";
  const mentioned = tools.filter((tool) => isMentioned(tool.function.name, said));
  const chosen = mentioned.length === 0 && choice === "required" ? tools : mentioned;
  const isSingle = request.parallel_tool_calls === false || mentioned.length === 0;
  return isSingle ? chosen.slice(0, 1) : chosen;
}

/** `get_weather` is mentioned by "get_weather" and by "get weather", also next to Chinese text. */
function isMentioned(name: string, said: string): boolean {
  const words = name.toLowerCase().replaceAll("_", " ").trim();
  return words !== "" && new RegExp(`(?<![a-z0-9-])${words}(?![a-z0-9-])`).test(said);
}

function callTools(request: ChatRequest, tools: readonly ChatTool[], seed: string, limit: number): Choice {
  const pieces = tools.flatMap((tool, call): Piece[] => {
    const { name, parameters } = tool.function;
    const value = parameters === undefined ? {} : valueForSchema(parameters, "tools");
    const tokens = splitSimulatedTokens(JSON.stringify(value));
    return [
      { type: "call", call, id: `call_${seededHex(`${seed}\n${call}`, 24)}`, name },
      ...tokens.map((text): Piece => ({ type: "arguments", call, text })),
    ];
  });
  if (pieces.length > limit) return { pieces: pieces.slice(0, limit), finishReason: "length" };
  // A call that the client forced by name ends with "stop" (https://platform.openai.com/docs/guides/function-calling).
  return {
    pieces,
    finishReason: typeof request.tool_choice === "object" && request.tool_choice ? "stop" : "tool_calls",
  };
}

function understand(request: ChatRequest, model: SimulatedModel): Understanding {
  const counts = new Map<string, number>();
  const add = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const message of request.messages) {
    add(message.role);
    if (Array.isArray(message.content)) for (const part of message.content) if (part.type !== "text") add(part.type);
  }
  const last = request.messages.findLast((message) => message.role === "user" || message.role === "tool");
  return {
    modelName: model.name,
    lastText: textOf(last?.content),
    toolName: last?.role === "tool" ? findToolName(request.messages, last.tool_call_id) : undefined,
    counts,
    toolNames: (request.tools ?? []).map((tool) => tool.function.name),
  };
}

function findToolName(messages: readonly ChatMessage[], callId: string): string {
  for (const message of messages) {
    const call = message.role === "assistant" ? message.tool_calls?.find(({ id }) => id === callId) : undefined;
    if (call) return call.function.name;
  }
  return callId;
}
