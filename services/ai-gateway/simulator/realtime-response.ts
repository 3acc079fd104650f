import { resizeAnswer, writeAnswer } from "./answer-text.ts";
import type { Behaviour } from "./directives.ts";
import { type RealtimeItem, type RealtimeTokens, spokenTokensPerSecond } from "./realtime-items.ts";
import { createSound } from "./sound.ts";
import { splitSimulatedTokens } from "./tokenizer.ts";

/** What a response says, and for how long where it is spoken. */
export interface RealtimeAnswer {
  readonly text: string;
  readonly seconds: number;
}

export interface RealtimeEvent {
  readonly json: Readonly<Record<string, unknown>>;
  readonly tokens: number;
}

/** Each token of the words is spoken for so long. */
const msPerToken = 100;
const usualTokens = 40;

/** `asked` are the session's fields, with those of the response over them. */
export function answerOf(
  asked: Readonly<Record<string, unknown>>,
  lastText: string,
  items: readonly RealtimeItem[],
  { model, behaviour }: { readonly model: string; readonly behaviour: Behaviour },
): RealtimeAnswer {
  const counts = new Map([["message", items.length]]);
  const words = writeAnswer({ modelName: model, lastText, toolName: undefined, counts, toolNames: [] }, 0);
  const limit = Number(asked["max_output_tokens"] ?? asked["max_response_output_tokens"]);
  const wanted = behaviour.tokens ?? usualTokens;
  const text = resizeAnswer(words, Number.isInteger(limit) ? Math.min(limit, wanted) : wanted, `${model}\n${lastText}`);
  const modalities = asked["output_modalities"] ?? asked["modalities"];
  const isSpoken = Array.isArray(modalities) && modalities.includes("audio");
  return { text, seconds: isSpoken ? (splitSimulatedTokens(text).length * msPerToken) / 1_000 : 0 };
}

export function usageOf(read: RealtimeTokens, answer: RealtimeAnswer, behaviour: Behaviour): object | null {
  if (behaviour.usage === "none") return null;
  const isZero = behaviour.usage === "zero";
  const [text, audio] = isZero ? [0, 0] : [read.text, read.audio];
  const cached = Math.min(behaviour.cached_tokens ?? 0, text + audio);
  const cachedText = Math.min(cached, text);
  const written = isZero ? 0 : splitSimulatedTokens(answer.text).length;
  const spoken = isZero ? 0 : Math.ceil(answer.seconds * spokenTokensPerSecond);
  return {
    ...{ total_tokens: text + audio + written + spoken, input_tokens: text + audio, output_tokens: written + spoken },
    input_token_details: {
      ...{ text_tokens: text, audio_tokens: audio, image_tokens: 0, cached_tokens: cached },
      cached_tokens_details: { text_tokens: cachedText, audio_tokens: cached - cachedText, image_tokens: 0 },
    },
    output_token_details: { text_tokens: written, audio_tokens: spoken },
  };
}

/** What stands between `response.created` and `response.done`. */
export function* responseEvents(id: string, { text, seconds }: RealtimeAnswer): Generator<RealtimeEvent> {
  const place = { response_id: id, item_id: `item_${id}`, output_index: 0 };
  const part = { ...place, content_index: 0 };
  const isSpoken = seconds > 0;
  const item = { id: place.item_id, object: "realtime.item", type: "message", role: "assistant" };
  const event = (type: string, fields: object, tokens = 0): RealtimeEvent => ({ json: { type, ...fields }, tokens });
  yield event("response.output_item.added", { ...place, item: { ...item, status: "in_progress", content: [] } });
  const kind = isSpoken ? { type: "audio", transcript: "" } : { type: "text", text: "" };
  yield event("response.content_part.added", { ...part, part: kind });
  const words = isSpoken ? "response.output_audio_transcript" : "response.output_text";
  for (const token of splitSimulatedTokens(text)) {
    yield event(`${words}.delta`, { ...part, delta: token }, 1);
    if (!isSpoken) continue;
    yield event("response.output_audio.delta", { ...part, delta: createSound("pcm", msPerToken).toString("base64") });
  }
  if (isSpoken) yield event("response.output_audio.done", part);
  yield event(`${words}.done`, { ...part, ...(isSpoken ? { transcript: text } : { text }) });
  yield event("response.content_part.done", {
    ...part,
    part: isSpoken ? { type: "audio", transcript: text } : { type: "text", text },
  });
  const content = isSpoken ? { type: "output_audio", transcript: text } : { type: "output_text", text };
  yield event("response.output_item.done", { ...place, item: { ...item, status: "completed", content: [content] } });
}
