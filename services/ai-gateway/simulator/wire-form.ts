import { type Answer, type Choice, type Piece, usageOf } from "./answer.ts";
import type { Behaviour } from "./directives.ts";

/** How an endpoint writes an answer. Every method gives an object ready for JSON. */
export interface WireForm {
  /** The whole answer at once, without usage. */
  whole(answer: Answer): object;
  /** What a stream starts each choice with, or undefined. */
  opening(answer: Answer, index: number): object | undefined;
  piece(answer: Answer, index: number, piece: Piece, behaviour: Behaviour): object;
  closing(answer: Answer, index: number, finishReason: string | null): object;
  /** Envelope of a chunk with no choices, for usage. */
  empty(answer: Answer): object;
}

interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

function messageOf(choice: Choice) {
  let text: string | undefined;
  const calls: ToolCall[] = [];
  for (const piece of choice.pieces) {
    if (piece.type === "text") text = (text ?? "") + piece.text;
    else if (piece.type === "call") {
      calls[piece.call] = { id: piece.id, type: "function", function: { name: piece.name, arguments: "" } };
    } else {
      const call = calls[piece.call];
      if (call) call.function.arguments += piece.text;
    }
  }
  const content = calls.length > 0 ? null : (text ?? "");
  const message = { role: "assistant", content, refusal: null, annotations: [] };
  return calls.length > 0 ? { ...message, tool_calls: calls } : message;
}

function callDelta(piece: Exclude<Piece, { type: "text" }>, behaviour: Behaviour): object {
  const index = behaviour.quirk === "no_tool_index" ? {} : { index: piece.call };
  if (piece.type === "arguments") return { ...index, function: { arguments: piece.text } };
  return { ...index, id: piece.id, type: "function", function: { name: piece.name, arguments: piece.arguments ?? "" } };
}

function chatEnvelope(answer: Answer, object: string, choices: readonly object[]) {
  const { id, created, model } = answer;
  return { id, object, created, model, choices, service_tier: "default", system_fingerprint: "fp_simulated" };
}

function chatChunk(answer: Answer, index: number, delta: object, finishReason: string | null = null): object {
  const choice = { index, delta, logprobs: null, finish_reason: finishReason };
  return chatEnvelope(answer, "chat.completion.chunk", [choice]);
}

/** `POST /v1/chat/completions`. */
export const chatForm: WireForm = {
  whole: (answer) =>
    chatEnvelope(
      answer,
      "chat.completion",
      answer.choices.map((choice, index) => ({
        index,
        message: messageOf(choice),
        logprobs: null,
        finish_reason: choice.finishReason,
      })),
    ),
  opening: (answer, index) => {
    const isCall = answer.choices[index]?.pieces[0]?.type === "call";
    return chatChunk(answer, index, { role: "assistant", content: isCall ? null : "", refusal: null });
  },
  piece: (answer, index, piece, behaviour) =>
    chatChunk(
      answer,
      index,
      piece.type === "text" ? { content: piece.text } : { tool_calls: [callDelta(piece, behaviour)] },
    ),
  closing: (answer, index, finishReason) => chatChunk(answer, index, {}, finishReason),
  empty: (answer) => chatEnvelope(answer, "chat.completion.chunk", []),
};

function textEnvelope(answer: Answer, choices: readonly object[]) {
  return { id: answer.id, object: "text_completion", created: answer.created, model: answer.model, choices };
}

function textChoice(text: string, index: number, finishReason: string | null): object {
  return { text, index, logprobs: null, finish_reason: finishReason };
}

function textOfPiece(piece: Piece): string {
  return piece.type === "call" ? "" : piece.text;
}

/** `POST /v1/completions`. */
export const completionForm: WireForm = {
  whole: (answer) =>
    textEnvelope(
      answer,
      answer.choices.map((choice, index) =>
        textChoice(choice.pieces.map(textOfPiece).join(""), index, choice.finishReason),
      ),
    ),
  opening: () => undefined,
  piece: (answer, index, piece) => textEnvelope(answer, [textChoice(textOfPiece(piece), index, null)]),
  closing: (answer, index, finishReason) => textEnvelope(answer, [textChoice("", index, finishReason)]),
  empty: (answer) => textEnvelope(answer, []),
};

/** The unary body as the behaviour wants it. */
export function wholeBody(answer: Answer, form: WireForm, behaviour: Behaviour): object {
  const usage = behaviour.usage === "none" ? {} : { usage: usageOf(answer, behaviour.usage) };
  const padding = behaviour.pad_bytes ? { simulated_padding: "x".repeat(behaviour.pad_bytes) } : {};
  return { ...form.whole(answer), ...usage, ...padding };
}
