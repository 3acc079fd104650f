import type { Answer, Choice, Piece } from "./answer.ts";
import type { Call } from "./call.ts";
import { answerChat, lastUserText } from "./chat.ts";
import { type Frame, sendFrames, sendJson, sendSimulatedError, waitAsAsked } from "./delivery.ts";
import { type Behaviour, parseBehaviour } from "./directives.ts";
import { getModelOf } from "./endpoints.ts";
import { parseChatRequest, parseJsonObject } from "./requests.ts";
import type { StreamEvent } from "./stream-events.ts";
import { writeEvent } from "./stream-events.ts";
import { badRequest } from "./wire-error.ts";

/** How a vendor who does not speak as OpenAI does is asked for an answer, and gives it. */
export interface VendorForm {
  /** Content type of a stream. */
  readonly contentType: string;
  /** What its names of tools are like, where that is not as at OpenAI. */
  readonly toolNames?: RegExp;
  /** What is asked, in chat's form. Throws a WireError 400 for what is not of the vendor's form. */
  toChat(body: object, model: string): object;
  whole(answer: Answer, behaviour: Behaviour): object;
  frames(answer: Answer, behaviour: Behaviour): Iterable<Frame>;
  /** An error within a stream that has begun. */
  readonly streamError: string | Buffer;
}

export const eventStream = "text/event-stream; charset=utf-8";

/** What is asked of a model in the form of its vendor: the same answer as chat gives, as the vendor writes it. */
export async function serveForm(call: Call, form: VendorForm, modelName: string, isStream: boolean): Promise<void> {
  const model = getModelOf({ model: modelName }, "chat");
  const request = parseChatRequest(form.toChat(parseJsonObject(call.body), model.name), form.toolNames);
  const behaviour = call.settle(parseBehaviour(call.directives, lastUserText(request.messages), {}));
  const answer = answerChat(request, model, behaviour, call.stamp);
  call.note({ model: model.name, isStream, promptTokens: answer.promptTokens });
  const outlet = call.open(behaviour);
  await waitAsAsked(outlet);
  if (behaviour.error) return sendSimulatedError(outlet, behaviour.error, call.toError);
  if (isStream) {
    const { contentType, streamError: error } = form;
    return sendFrames(outlet, { contentType, frames: form.frames(answer, behaviour), error });
  }
  await sendJson(outlet, 200, form.whole(answer, behaviour));
  if (behaviour.body || outlet.signal.aborted) return;
  outlet.onTokens(answer.choices.reduce((sum, { pieces }) => sum + pieces.length, 0));
}

/** The one choice of a vendor who gives no more. Throws a WireError 400 where there is none. */
export function onlyChoice({ choices: [choice] }: Answer): Choice {
  if (choice) return choice;
  throw badRequest(null, "there is nothing to answer");
}

/** A server-sent event as part of a stream. */
export function toFrame(event: StreamEvent, behaviour: Behaviour, isEnd = false): Frame {
  return { bytes: writeEvent(event, behaviour.sse), tokens: event.tokens, isEnd };
}

export function saidBy(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece.type === "text" ? piece.text : "")).join("");
}

/** The tools that are called, each with all that it is given as JSON. */
export function callsOf(pieces: readonly Piece[]): { id: string; name: string; given: string }[] {
  return pieces.flatMap((piece) => {
    if (piece.type !== "call") return [];
    const given = pieces.map((one) => (one.type === "arguments" && one.call === piece.call ? one.text : "")).join("");
    return [{ id: piece.id, name: piece.name, given }];
  });
}

/** What a call is given, for vendors who do not write it as text. One that a limit cut has nothing whole. */
export function parseInput(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return {};
  }
}

export function hasCalls({ pieces }: Choice): boolean {
  return pieces.some(({ type }) => type === "call");
}

/** What a model lets one see of its reasoning, where its vendor shows it; empty where it has not reasoned. */
export function thoughtOf({ reasoningTokens }: Answer): string {
  return reasoningTokens === 0 ? "" : "A simulated thought.";
}

/** Stands for what a vendor signs its thoughts with. */
export const thoughtSignature = "c2ltdWxhdGVkIHNpZ25hdHVyZQ==";

/** A call in an assistant's message, as chat has it. */
export function toChatCall(id: string, name: string, input: unknown): object {
  return { id, type: "function", function: { name, arguments: JSON.stringify(input ?? {}) } };
}

/** A turn of an assistant as chat has it. */
export function toAssistantMessage(content: string, calls: readonly object[]): object {
  return { role: "assistant", content, ...(calls.length > 0 && { tool_calls: calls }) };
}

/** Results of tools come before what is said beside them. */
export function toUserMessages(results: readonly object[], parts: readonly object[]): object[] {
  return parts.length === 0 ? [...results] : [...results, { role: "user", content: parts }];
}

export function toChatTool(name: string, parameters: object | undefined): object {
  return { type: "function", function: { name, ...(parameters && { parameters }) } };
}

export function toNamedChoice(name: string): object {
  return { type: "function", function: { name } };
}

export function toChatFormat(schema: unknown): object {
  return { type: "json_schema", json_schema: { name: "answer", schema } };
}

export function toImagePart(mediaType: string, data: string): object {
  return { type: "image_url", image_url: { url: `data:${mediaType};base64,${data}` } };
}
