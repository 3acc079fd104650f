import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { AnswerFacts } from "../dialect.ts";
import { parseExact } from "../exact-json.ts";
import type { ChatAnswer, ToolCall } from "../openai/chat-answer.ts";
import type { ReportedUsage } from "../openai/usage.ts";

/** What every piece of an answer says of itself. */
export function toHead({ callId }: Pick<AnswerFacts, "callId">, model: string) {
  return { modelVersion: model, responseId: callId.replace(/^call_/, "") };
}

/** A whole answer of `generateContent`. */
export function toContentAnswer(
  answer: ChatAnswer,
  facts: Pick<AnswerFacts, "callId">,
  { model, showsThoughts }: { readonly model: string; readonly showsThoughts: boolean },
  tokens: ReportedUsage,
) {
  const { reasoning, text, refusal, calls } = answer;
  const parts: object[] = [];
  if (reasoning !== "" && showsThoughts) parts.push({ text: reasoning, thought: true });
  if (text + refusal !== "") parts.push({ text: text + refusal });
  parts.push(...calls.map(toCallPart));
  return {
    candidates: [{ ...toContent(parts), finishReason: toFinishReason(answer), index: 0 }],
    usageMetadata: toUsageMetadata(tokens),
    ...toHead(facts, model),
  };
}

export function toContent(parts: readonly object[]) {
  return { content: { parts, role: "model" } };
}

/** Arguments that are no object, because the limit cut them off or the model wrote them wrong, stand in one of their own. */
export function toCallPart({ id, name, arguments: text }: ToolCall): object {
  return { functionCall: { id, name, args: toArgs(text) } };
}

function toArgs(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    const args = parseExact(text);
    if (typeof args === "object" && args !== null && !Array.isArray(args)) return args;
  } catch {
    // Told below.
  }
  return { INVALID_JSON: text };
}

/** Why an answer ended, in Google's words (ai.google.dev/api/generate-content#FinishReason). */
export function toFinishReason({
  finishReason,
  refusal,
}: {
  readonly finishReason: string | undefined;
  readonly refusal: string;
}): string {
  if (finishReason === "length") return "MAX_TOKENS";
  return finishReason === "content_filter" || refusal !== "" ? "SAFETY" : "STOP";
}

/** Usage as Google reports it: the prompt includes what came from a cache, candidates leave out thoughts. It is what is charged. */
export function toUsageMetadata(tokens: ReportedUsage) {
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(tokens);
  const thoughts = Number(tokens.otherBuckets?.reasoning ?? 0n);
  const prompt = Number(inputTokens + cachedInputTokens);
  const output = Number(outputTokens);
  return {
    promptTokenCount: prompt,
    candidatesTokenCount: output - thoughts,
    totalTokenCount: prompt + output,
    ...(cachedInputTokens > 0n && { cachedContentTokenCount: Number(cachedInputTokens) }),
    ...(thoughts > 0 && { thoughtsTokenCount: thoughts }),
  };
}
