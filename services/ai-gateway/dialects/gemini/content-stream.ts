import type { AnswerFacts } from "../dialect.ts";
import { type ChatPiece, createChatReader } from "../openai/chat-answer.ts";
import type { ReportedUsage } from "../openai/usage.ts";
import { toCallPart, toContent, toFinishReason, toHead, toUsageMetadata } from "./content-answer.ts";

/**
 * Writes a stream of chat as pieces of an answer, each a JSON text. Google's calls come whole: chat's are gathered, and stand in
 * the last piece, with why it ended and what it used.
 */
export function createContentStream(
  facts: Pick<AnswerFacts, "callId" | "maxKeptLength">,
  { model, showsThoughts }: { readonly model: string; readonly showsThoughts: boolean },
) {
  const reader = createChatReader(facts.callId);
  const calls: { id: string; name: string; arguments: string }[] = [];
  const head = toHead(facts, model);
  let refusal = "";
  let keptLength = 0;

  function toPart(piece: ChatPiece): object[] {
    switch (piece.type) {
      case "call":
        calls[piece.call] = { id: piece.id, name: piece.name, arguments: "" };
        return [];
      case "arguments": {
        keptLength += piece.text.length;
        if (keptLength > facts.maxKeptLength) throw new RangeError("a streamed answer is too long to be translated");
        const call = calls[piece.call];
        if (call) call.arguments += piece.text;
        return [];
      }
      case "reasoning":
        return showsThoughts ? [{ text: piece.text, thought: true }] : [];
      default:
        if (piece.type === "refusal") refusal += piece.text;
        return [{ text: piece.text }];
    }
  }

  return {
    /** What a chunk of the provider's stream is for the caller; undefined for nothing. */
    read(json: unknown): string | undefined {
      const parts = reader.read(json).flatMap(toPart);
      if (parts.length === 0) return undefined;
      return JSON.stringify({ candidates: [{ ...toContent(parts), index: 0 }], ...head });
    },
    end(tokens: ReportedUsage): string {
      const last = reader.flush().flatMap(toPart);
      const parts = [...last, ...calls.map(toCallPart)];
      const { finishReason } = reader;
      const content = toContent(parts.length > 0 ? parts : [{ text: "" }]);
      const candidate = { ...content, finishReason: toFinishReason({ finishReason, refusal }), index: 0 };
      return JSON.stringify({ candidates: [candidate], usageMetadata: toUsageMetadata(tokens), ...head });
    },
  };
}
