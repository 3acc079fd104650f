import type { AnswerFacts } from "../dialect.ts";
import { parseExact } from "../exact-json.ts";
import type { ChatAnswer } from "../openai/chat-answer.ts";
import type { ReportedUsage } from "../openai/usage.ts";
import { toWholeUsage } from "./message-usage.ts";

/** What a message says of itself before there is anything in it. */
export function startMessage({ callId }: Pick<AnswerFacts, "callId">, model: string) {
  return {
    id: toMessageId(callId),
    type: "message",
    role: "assistant",
    model,
    content: [] as object[],
    stop_reason: null as string | null,
    stop_sequence: null as string | null,
    stop_details: null,
    container: null,
  };
}

/** A whole answer as one message. */
export function toMessage(
  answer: ChatAnswer,
  facts: Pick<AnswerFacts, "callId">,
  asked: { readonly model: string; readonly showsThinking: boolean; readonly stopSequences: readonly string[] },
  tokens: ReportedUsage,
) {
  const { reasoning, text, refusal, calls } = answer;
  const content: object[] = [];
  if (reasoning !== "" && asked.showsThinking) content.push({ ...thinkingBlock, thinking: reasoning });
  if (text + refusal !== "") content.push({ ...textBlock, text: text + refusal });
  for (const call of calls) {
    content.push({ type: "tool_use", id: call.id, name: call.name, input: toInput(call.arguments) });
  }
  const stop = toStop(answer, asked.stopSequences);
  return { ...startMessage(facts, asked.model), content, ...stop, usage: toWholeUsage(tokens) };
}

export const textBlock = { type: "text", text: "", citations: null } as const;

/** The signature is empty: what another vendor's model thought nobody has signed. */
export const thinkingBlock = { type: "thinking", thinking: "", signature: "" } as const;

/**
 * The arguments of a tool call as an object. What is none, because the limit cut it off or the model wrote it wrong, stands
 * in an object of its own, so that nobody takes it for arguments (the name is the one of Anthropic's guide to fine-grained
 * tool streaming).
 */
function toInput(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    const input = parseExact(text);
    if (typeof input === "object" && input !== null && !Array.isArray(input)) return input;
  } catch {
    // Told below.
  }
  return { INVALID_JSON: text };
}

/** Why a message ended, in Anthropic's words. */
export function toStop(
  {
    finishReason,
    stoppedBy,
    refusal,
    calls,
  }: {
    readonly finishReason: string | undefined;
    readonly stoppedBy: string | undefined;
    readonly refusal: string;
    readonly calls: { readonly length: number };
  },
  stopSequences: readonly string[],
): { readonly stop_reason: string; readonly stop_sequence: string | null } {
  if (finishReason === "length") return { stop_reason: "max_tokens", stop_sequence: null };
  if (finishReason === "content_filter" || refusal !== "") return { stop_reason: "refusal", stop_sequence: null };
  // A call that was asked for by name ends with `stop` at OpenAI.
  if (calls.length > 0) return { stop_reason: "tool_use", stop_sequence: null };
  if (stoppedBy !== undefined && stopSequences.includes(stoppedBy)) {
    return { stop_reason: "stop_sequence", stop_sequence: stoppedBy };
  }
  return { stop_reason: "end_turn", stop_sequence: null };
}

function toMessageId(callId: string): string {
  return `msg_${callId.replace(/^call_/, "")}`;
}
