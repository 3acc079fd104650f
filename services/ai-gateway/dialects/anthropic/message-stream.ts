import type { AnswerFacts } from "../dialect.ts";
import { type ChatPiece, createChatReader } from "../openai/chat-answer.ts";
import type { ReportedUsage } from "../openai/usage.ts";
import { startMessage, textBlock, thinkingBlock, toStop } from "./message-answer.ts";
import { toMessageUsage, toWholeUsage } from "./message-usage.ts";

/** A content block that is being written, or waits for its turn. */
interface Block {
  readonly kind: "thinking" | "text" | "tool_use";
  readonly call: { readonly call: number; readonly id: string; readonly name: string } | undefined;
  /** Of the open block all of a tool's arguments; of one that waits, everything. */
  text: string;
}

const noUsage = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

/**
 * Writes a stream of chat as the events of a message. Blocks of a message come one after the other, while chat may write
 * several tool calls by turns: what is for a later block waits until the open one is complete.
 */
export function createMessageStream(
  facts: Pick<AnswerFacts, "callId" | "maxKeptLength">,
  asked: { readonly model: string; readonly showsThinking: boolean; readonly stopSequences: readonly string[] },
) {
  const reader = createChatReader(facts.callId);
  let isStarted = false;
  let refusal = "";
  let index = -1;
  let open: Block | undefined;
  let waiting: Block[] = [];
  const calls: Block[] = [];
  let keptLength = 0;

  function start(): string {
    if (isStarted) return "";
    isStarted = true;
    // What was used is known at the end, and stands in `message_delta`.
    const message = { ...startMessage(facts, asked.model), usage: toWholeUsage(noUsage) };
    return toEvent("message_start", { message }) + String(pingEvent);
  }

  function keep(text: string): void {
    keptLength += text.length;
    if (keptLength > facts.maxKeptLength) throw new RangeError("a streamed answer is too long to be translated");
  }

  function add(piece: ChatPiece): string {
    if (piece.type === "call") {
      calls[piece.call] = enqueue({ kind: "tool_use", call: piece, text: "" });
      return advance(false);
    }
    if (piece.type === "refusal") refusal += piece.text;
    const block = piece.type === "arguments" ? calls[piece.call] : findBlockOfText(piece);
    if (!block || piece.text === "") return "";
    if (block.kind === "tool_use" || block !== open) {
      keep(piece.text);
      block.text += piece.text;
    }
    return block === open ? toDelta(block.kind, piece.text) : advance(false);
  }

  function findBlockOfText({ type }: ChatPiece): Block | undefined {
    if (type === "reasoning" && !asked.showsThinking) return undefined;
    const kind = type === "reasoning" ? "thinking" : "text";
    const last = waiting.at(-1) ?? open;
    return last?.kind === kind ? last : enqueue({ kind, call: undefined, text: "" });
  }

  function enqueue(block: Block): Block {
    waiting.push(block);
    return block;
  }

  /** Opens what waits, as far as the blocks before it are complete; at the end all of it. */
  function advance(isEnd: boolean): string {
    let events = "";
    for (let next = waiting[0]; next && (isEnd || !open || isComplete(open)); next = waiting[0]) {
      waiting = waiting.slice(1);
      events += close() + begin(next);
    }
    return events;
  }

  function begin(block: Block): string {
    open = block;
    index++;
    const { call } = block;
    const empty = block.kind === "thinking" ? thinkingBlock : textBlock;
    const content_block = call ? { type: "tool_use", id: call.id, name: call.name, input: {} } : empty;
    return toEvent("content_block_start", { index, content_block }) + toDelta(block.kind, block.text);
  }

  function toDelta(kind: Block["kind"], text: string): string {
    if (text === "") return "";
    if (kind === "thinking") return deltaEvent({ type: "thinking_delta", thinking: text });
    if (kind === "text") return deltaEvent({ type: "text_delta", text });
    return deltaEvent({ type: "input_json_delta", partial_json: text });
  }

  function deltaEvent(delta: object): string {
    return toEvent("content_block_delta", { index, delta });
  }

  function close(): string {
    if (!open) return "";
    open = undefined;
    return toEvent("content_block_stop", { index });
  }

  return {
    /** What a chunk of the provider's stream is for the caller. */
    read(json: unknown): string {
      return start() + reader.read(json).map(add).join("");
    },
    end(tokens: ReportedUsage): string {
      let events = start() + reader.flush().map(add).join("");
      events += advance(true) + close();
      const { finishReason, stoppedBy } = reader;
      const delta = toStop({ finishReason, stoppedBy, refusal, calls }, asked.stopSequences);
      events += toEvent("message_delta", { delta: { ...delta, container: null }, usage: toMessageUsage(tokens) });
      return events + toEvent("message_stop", {});
    },
  };
}

/** Keeps a stream alive: SDKs pass over it, also before `message_start`. */
export const pingEvent = Buffer.from(toEvent("ping", {}));

/** Nothing can follow arguments that are whole; texts end wherever something else begins. */
function isComplete({ kind, text }: Block): boolean {
  if (kind !== "tool_use") return true;
  if (!text.trimEnd().endsWith("}")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export function toEvent(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
