import { fieldOf } from "../dialects/openai/usage.ts";
import { countSimulatedTokens } from "./tokenizer.ts";
import { badRequest } from "./wire-error.ts";

/** What a simulated conversation holds: words, or so many seconds of sound. */
export interface RealtimeItem {
  readonly id: string;
  readonly type: string;
  readonly role: string;
  readonly text: string;
  readonly seconds: number;
}

export interface RealtimeTokens {
  readonly text: number;
  readonly audio: number;
}

const pcmBytesPerSecond = 48_000;
/** As OpenAI counts: 10 for a second of what a user says, 20 of what is answered. */
const heardTokensPerSecond = 10;
export const spokenTokensPerSecond = 20;

/** Throws a WireError 400 for what is no item. */
export function readItem(item: unknown, nextId: () => string): RealtimeItem {
  const type = fieldOf(item, "type");
  if (type !== "message" && type !== "function_call" && type !== "function_call_output") {
    throw badRequest("item.type", "Invalid value for 'item.type'.");
  }
  const parts = fieldOf(item, "content");
  const content = Array.isArray(parts) ? parts : [];
  const texts = content.map((part) => fieldOf(part, "text") ?? fieldOf(part, "transcript") ?? "");
  const sounds = content.map((part) => Buffer.byteLength(String(fieldOf(part, "audio") ?? ""), "base64"));
  return {
    ...{ id: String(fieldOf(item, "id") ?? `item_${nextId()}`), type, role: String(fieldOf(item, "role") ?? "user") },
    text: [...texts, fieldOf(item, "output") ?? fieldOf(item, "arguments") ?? ""].join(""),
    seconds: sounds.reduce((sum, bytes) => sum + bytes, 0) / pcmBytesPerSecond,
  };
}

export function describeItem({ id, type, role, text, seconds }: RealtimeItem): Readonly<Record<string, unknown>> {
  const kind = `${role === "assistant" ? "output" : "input"}_${seconds > 0 ? "audio" : "text"}`;
  const content = seconds > 0 ? { type: kind, transcript: text || null } : { type: kind, text };
  return { id, object: "realtime.item", type, status: "completed", role, content: [content] };
}

/** What a model reads of them. */
export function tokensIn(items: readonly RealtimeItem[]): RealtimeTokens {
  let text = 0;
  let audio = 0;
  for (const item of items) {
    const perSecond = item.role === "assistant" ? spokenTokensPerSecond : heardTokensPerSecond;
    text += countSimulatedTokens(item.text);
    audio += Math.ceil(item.seconds * perSecond);
  }
  return { text, audio };
}
