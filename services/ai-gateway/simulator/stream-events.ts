import { type Answer, type Choice, type Piece, usageOf } from "./answer.ts";
import type { Behaviour } from "./directives.ts";
import { simulatedErrors } from "./wire-error.ts";
import type { WireForm } from "./wire-form.ts";

/** One server-sent event, and how many tokens it carries. */
export interface StreamEvent {
  readonly data: object | "[DONE]";
  readonly tokens: number;
  readonly name?: string;
}

/** A whole, undisturbed stream: the choices take turns, one token per event. */
export function* streamEvents(
  answer: Answer,
  form: WireForm,
  behaviour: Behaviour,
  includeUsage: boolean,
): Generator<StreamEvent> {
  let shown = 0;
  const event = (data: object, tokens = 0): StreamEvent => {
    shown += tokens;
    if (behaviour.usage === "every_chunk")
      return { data: { ...data, usage: usageOf(answer, undefined, shown) }, tokens };
    return { data: includeUsage ? { ...data, usage: null } : data, tokens };
  };

  if (behaviour.quirk === "azure") yield event(azureFirstChunk(form.empty(answer)));
  if (behaviour.pad_bytes) yield event({ ...form.empty(answer), simulated_padding: "x".repeat(behaviour.pad_bytes) });
  for (const index of answer.choices.keys()) {
    const opening = form.opening(answer, index);
    if (opening) yield event(opening);
  }
  for (const turn of takeTurns(answer.choices, behaviour)) {
    if (turn.end) yield event(closingChunk(answer, form, behaviour, turn.index));
    else yield event(turnChunk(answer, form, behaviour, turn), turn.pieces.length);
  }
  if (includeUsage && behaviour.usage !== "none" && behaviour.usage !== "every_chunk") {
    yield { data: { ...form.empty(answer), usage: usageOf(answer, behaviour.usage) }, tokens: 0 };
  }
  yield { data: "[DONE]", tokens: 0 };
}

interface Turn {
  readonly index: number;
  readonly pieces: readonly Piece[];
  readonly end: boolean;
}

function* takeTurns(choices: readonly Choice[], behaviour: Behaviour): Generator<Turn> {
  const isWhole = behaviour.quirk === "whole_tool_calls";
  const steps = choices.map((choice) => (isWhole ? joinCalls(choice.pieces) : choice.pieces.map((piece) => [piece])));
  const longest = Math.max(...steps.map((own) => own.length));
  for (let turn = 0; turn <= longest; turn++) {
    for (const [index, own] of steps.entries()) {
      if (turn <= own.length) yield { index, pieces: own[turn] ?? [], end: turn === own.length };
    }
  }
}

/** A call and all of its arguments in one step, as some vendors send them. */
function joinCalls(pieces: readonly Piece[]): Piece[][] {
  const steps: Piece[][] = [];
  for (const piece of pieces) {
    if (piece.type === "arguments") steps.at(-1)?.push(piece);
    else steps.push([piece]);
  }
  return steps;
}

function turnChunk(answer: Answer, form: WireForm, behaviour: Behaviour, turn: Turn): object {
  const [first, ...rest] = turn.pieces;
  if (first === undefined) return form.empty(answer);
  if (first.type !== "call" || rest.length === 0) return form.piece(answer, turn.index, first, behaviour);
  const whole = rest.map((piece) => (piece.type === "call" ? "" : piece.text)).join("");
  return form.piece(answer, turn.index, { ...first, arguments: whole }, behaviour);
}

function closingChunk(answer: Answer, form: WireForm, behaviour: Behaviour, index: number): object {
  const finishReason = answer.choices[index]?.finishReason ?? null;
  if (behaviour.quirk !== "azure") return form.closing(answer, index, finishReason);
  return { ...form.empty(answer), choices: [{ index, finish_reason: finishReason, content_filter_results: {} }] };
}

/** Azure OpenAI starts with a chunk without choices, and sends choices without `delta`. */
function azureFirstChunk(empty: object): object {
  return { ...empty, id: "", model: "", prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }] };
}

/** The error inside a stream that has begun, in one of three vendors' ways. */
export function streamError(answer: Answer, form: WireForm, behaviour: Behaviour): StreamEvent {
  const { status: _, ...error } = simulatedErrors["500"];
  if (behaviour.stream_error_style === "event") return { name: "error", data: { error }, tokens: 0 };
  if (behaviour.stream_error_style !== "openrouter") return { data: { error }, tokens: 0 };
  const choices = [{ index: 0, delta: { content: "" }, finish_reason: "error" }];
  return {
    data: { ...form.empty(answer), error: { code: "server_error", message: error.message }, choices },
    tokens: 0,
  };
}

/** An event as text, in one of the legal or sloppy ways of writing it (https://html.spec.whatwg.org/#parsing-an-event-stream). */
export function writeEvent({ data, name }: StreamEvent, style: Behaviour["sse"]): string {
  const isMultiline = style === "multiline" && data !== "[DONE]";
  const json = data === "[DONE]" ? data : JSON.stringify(data, null, isMultiline ? 1 : undefined);
  const field = style === "no_space" ? "data:" : "data: ";
  const lines = json.split("\n").map((line) => field + line);
  if (name) lines.unshift(`event: ${name}`);
  if (style === "comments") lines.unshift(": simulated keep-alive", "");
  const text = `${lines.join("\n")}\n\n`;
  if (style === "no_last_blank_line" && data === "[DONE]") return text.trimEnd();
  return style === "crlf" ? text.replaceAll("\n", "\r\n") : text;
}
