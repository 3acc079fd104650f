import { fieldOf } from "./usage.ts";

/** What a provider says in an answer, in the order in which it says it. `call` numbers the tool calls from 0. */
export type ChatPiece =
  | { readonly type: "reasoning" | "text" | "refusal"; readonly text: string }
  | { readonly type: "call"; readonly call: number; readonly id: string; readonly name: string }
  | { readonly type: "arguments"; readonly call: number; readonly text: string };

/** Reads the first choice of an answer, whole or chunk by chunk. */
export interface ChatReader {
  /** What a chunk, or a whole answer, adds. */
  read(json: unknown): ChatPiece[];
  /** What was held back until the end: calls that never said their id or name. To be called once. */
  flush(): ChatPiece[];
  /** Why it ended; undefined until it says so. */
  readonly finishReason: string | undefined;
  /** The stop sequence that ended it, where the provider tells (vLLM's `stop_reason`). */
  readonly stoppedBy: string | undefined;
}

interface OpenCall {
  readonly call: number;
  id: string;
  name: string;
  /** Arguments that came before the name or the id. */
  held: string;
  isAnnounced: boolean;
}

/**
 * `callId` makes ids for tool calls that have none. Vendors differ in how they cut tool calls: the index may be missing or
 * always the same, id and name may come late, with every delta or not at all, a call may come whole.
 */
export function createChatReader(callId: string): ChatReader {
  const calls: OpenCall[] = [];
  const byIndex = new Map<unknown, OpenCall>();
  let finishReason: string | undefined;
  let stoppedBy: string | undefined;

  function find(index: unknown, id: string): OpenCall {
    const byId = id === "" ? undefined : calls.find((open) => open.id === id);
    const known = byId ?? (index === undefined ? calls.at(-1) : byIndex.get(index));
    // Another id under an index that is taken is another call.
    const isOther = !known || (id !== "" && known.id !== "" && known.id !== id);
    const open = isOther ? { call: calls.length, id: "", name: "", held: "", isAnnounced: false } : known;
    if (isOther) {
      calls.push(open);
      byIndex.set(index ?? `without index ${open.call}`, open);
    }
    return open;
  }

  function readCall(delta: unknown): ChatPiece[] {
    const called = fieldOf(delta, "function");
    const id = textOr(fieldOf(delta, "id"));
    const open = find(fieldOf(delta, "index") ?? undefined, id);
    open.id ||= id;
    open.name ||= textOr(fieldOf(called, "name"));
    const given = fieldOf(called, "arguments") ?? "";
    open.held += typeof given === "string" ? given : JSON.stringify(given);
    return open.id !== "" && open.name !== "" ? release(open) : [];
  }

  function release(open: OpenCall): ChatPiece[] {
    const { call, id, name, held: text } = open;
    open.held = "";
    const pieces: ChatPiece[] = open.isAnnounced ? [] : [{ type: "call", call, id, name }];
    open.isAnnounced = true;
    if (text !== "") pieces.push({ type: "arguments", call, text });
    return pieces;
  }

  return {
    read(json) {
      const choice = findFirstChoice(json);
      finishReason = textOr(fieldOf(choice, "finish_reason")) || finishReason;
      stoppedBy = textOr(fieldOf(choice, "stop_reason")) || stoppedBy;
      const message = fieldOf(choice, "delta") ?? fieldOf(choice, "message");
      const deltas = fieldOf(message, "tool_calls");
      return [...readTexts(message), ...(Array.isArray(deltas) ? deltas.flatMap(readCall) : [])];
    },
    flush() {
      return calls.flatMap((open) => {
        if (open.isAnnounced) return [];
        open.id ||= `${callId}_${open.call}`;
        return release(open);
      });
    },
    get finishReason() {
      return finishReason;
    },
    get stoppedBy() {
      return stoppedBy;
    },
  };
}

/** A tool call, whole. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** An answer, whole. */
export interface ChatAnswer {
  readonly reasoning: string;
  readonly text: string;
  readonly refusal: string;
  readonly calls: readonly ToolCall[];
  readonly finishReason: string | undefined;
  readonly stoppedBy: string | undefined;
}

/** The first choice of an answer that was not streamed. */
export function readChatAnswer(callId: string, json: unknown): ChatAnswer {
  const reader = createChatReader(callId);
  const texts = { reasoning: "", text: "", refusal: "" };
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const piece of [...reader.read(json), ...reader.flush()]) {
    if (piece.type === "call") calls[piece.call] = { id: piece.id, name: piece.name, arguments: "" };
    else if (piece.type === "arguments") {
      const call = calls[piece.call];
      if (call) call.arguments += piece.text;
    } else texts[piece.type] += piece.text;
  }
  return { ...texts, calls, finishReason: reader.finishReason, stoppedBy: reader.stoppedBy };
}

function findFirstChoice(json: unknown): unknown {
  const choices = fieldOf(json, "choices");
  return Array.isArray(choices) ? choices.find((choice) => (fieldOf(choice, "index") ?? 0) === 0) : undefined;
}

/** Reasoning comes first: so it was thought. `reasoning_content` is DeepSeek's name for it, `reasoning` OpenRouter's. */
function readTexts(message: unknown): ChatPiece[] {
  const reasoning = textOr(fieldOf(message, "reasoning_content")) || textOr(fieldOf(message, "reasoning"));
  const pieces: ChatPiece[] = reasoning === "" ? [] : [{ type: "reasoning", text: reasoning }];
  const content = fieldOf(message, "content");
  for (const part of Array.isArray(content) ? content : [content]) {
    const text = textOr(part) || textOr(fieldOf(part, "text"));
    if (text !== "") pieces.push({ type: "text", text });
  }
  const refusal = textOr(fieldOf(message, "refusal"));
  if (refusal !== "") pieces.push({ type: "refusal", text: refusal });
  return pieces;
}

function textOr(value: unknown): string {
  return typeof value === "string" ? value : "";
}
