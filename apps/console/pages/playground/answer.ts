/** A call of a tool that a model wants. `input` is its arguments: JSON, as far as it has come. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly input: string;
}

export interface Picture {
  /** From 1. */
  readonly number: number;
  /** A data URL, or an address elsewhere. */
  readonly src: string;
  /** What the model made of the description; empty where it does not say. */
  readonly text: string;
}

/** How far an answer is. */
export interface Answer {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly pictures: readonly Picture[];
  readonly isRunning: boolean;
  readonly problem: unknown;
  readonly firstTokenMs: number | undefined;
  /** Since it was asked; undefined while it runs. */
  readonly tookMs: number | undefined;
  /** How long it has been coming, from its first token to its latest. */
  readonly streamedMs: number;
  /** How many pieces of it have come: about as many as tokens. */
  readonly pieceCount: number;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  /** Of the receipt. */
  readonly callId: string | undefined;
}

export const begunAnswer: Answer = {
  ...{ text: "", toolCalls: [], pictures: [], isRunning: true, problem: undefined, firstTokenMs: undefined },
  ...{ tookMs: undefined, streamedMs: 0, pieceCount: 0 },
  ...{ inputTokens: undefined, outputTokens: undefined, callId: undefined },
};

/** Part of a message, as OpenAI's chat has it. */
type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } };

export interface Message {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string | readonly Part[] | null;
  readonly tool_calls?: readonly object[];
  readonly tool_call_id?: string;
  readonly [name: string]: unknown;
}

/** What was said to a model, and what it answered. */
export interface Turn {
  readonly said: readonly Message[];
  readonly answer: Answer;
}

/** The conversation so far, as the next call has it. */
export function toMessages(turns: readonly Turn[]): readonly Message[] {
  return turns.flatMap(({ said, answer }) => [...said, toMessage(answer)]);
}

function toMessage({ text, toolCalls }: Answer): Message {
  const tool_calls = toolCalls.map(({ id, name, input }) => ({
    ...{ id, type: "function", function: { name, arguments: input } },
  }));
  if (tool_calls.length === 0) return { role: "assistant", content: text };
  return { role: "assistant", content: text === "" ? null : text, tool_calls };
}

/** Whether it has ended with calls of tools that nobody has answered yet. */
export function waitsForTools({ answer }: Turn): boolean {
  return !answer.isRunning && answer.problem === undefined && answer.toolCalls.length > 0;
}
